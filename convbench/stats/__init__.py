"""What numbers say: intervals, judging, rates. Pure: no file, no clock, no process."""
