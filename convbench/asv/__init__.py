"""asv: run by its command line, and mended where this suite needs it."""
