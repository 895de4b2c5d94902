"""The repository that holds the measured package, asked by git's command line."""
