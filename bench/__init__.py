"""Measurements: the fast server that load generators are compared on, and the comparison."""
