"""Proofs that need the clock: a fault or an ill generator goes in, and figures and verdict must be the right ones."""
