"""Hubbub: the load test for chat backends that counts every delivery."""

__version__ = "0.1.0"
