"""What was measured: asv's results as records, runs and maps, and which cells were tried."""
