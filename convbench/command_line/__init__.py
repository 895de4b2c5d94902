"""What every command's line has in common: values, failures, progress."""
