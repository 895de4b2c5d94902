"""What is measured: asv benchmarks over one grid of cells."""
