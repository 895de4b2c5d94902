"""2-D convolution methods for PyTorch, and the layers that they are compared in."""

__all__: list[str] = []
