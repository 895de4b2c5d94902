"""Direct cross-correlation in explicit vector instructions, compiled by numba."""
