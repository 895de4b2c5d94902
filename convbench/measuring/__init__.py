"""What the report measures, in pieces that asv runs one after the other."""
