"""Transforms of tiles whose code is generated: lanes are columns, then rows, of one tile."""
