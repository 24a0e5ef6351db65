"""The version of the extension and of the Python package: the same number, kept here alone."""

VERSION = "0.1.0"
