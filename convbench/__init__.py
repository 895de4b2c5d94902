"""The judge: runs the suite, reads its results, decides, draws, publishes."""
