"""What this machine needs for each kind of work, measured once and kept in a file."""
