"""Torch's own convolution."""
