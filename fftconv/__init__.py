"""2-D convolution methods for PyTorch, and the layers that they are compared in."""

from fftconv.functional import conv2d as conv2d
from fftconv.methods import methods as methods

__all__ = ["conv2d", "methods"]
