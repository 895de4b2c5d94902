"""FFTs of overlapping tiles, by one of several engines: see README.md."""
