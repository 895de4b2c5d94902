"""Error and peak memory beside time, for the same cells."""
