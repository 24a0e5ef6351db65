"""The command line: ``syncdiffusion`` and ``python -m syncdiffusion``."""
