"""Two states of any project, each built by asv's own commands in an environment of its own."""
