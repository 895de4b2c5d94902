"""Compiled by numba: direct cross-correlation in vector instructions, and passes over tiles."""
