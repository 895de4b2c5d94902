"""What a machine can do, and the least time that it needs for a convolution."""
