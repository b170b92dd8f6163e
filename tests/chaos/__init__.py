"""Runs under faults: real processes, a fault in the middle, and what must hold whatever it was (`make chaos`)."""
