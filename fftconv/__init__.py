"""2-D convolution methods for PyTorch, and the layers that they are compared in."""

from fftconv.functional import conv2d as conv2d
from fftconv.methods import methods as methods
from fftconv.planner import Plan as Plan
from fftconv.planner import plan as plan

__all__ = ["Plan", "conv2d", "methods", "plan"]
