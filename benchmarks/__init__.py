"""What a panorama costs: ``python -m benchmarks``. docs/performance.md says what the ``results/`` mean."""
