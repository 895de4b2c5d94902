"""The layers of PyTorch's tutorial "Creating extensions using numpy and scipy".

Two layers leave torch for another library and come back:

- `incorrect_fft` has no parameters and calls numpy's FFT. Its gradient is wrong on purpose;
  `fft_magnitude` beside it is the same function with the true one.
- `ScipyConv2d` learns the filter of a cross-correlation that scipy computes. `FFTConv2d` and
  `NativeConv2d` are the same layer by other means, so that the three can be compared and their
  weights exchanged.

The tutorial: A. Paszke, A. Dziedzic, "Creating extensions using numpy and scipy", PyTorch
Tutorials.
"""

from fftconv.tutorial.correlation import FFTConv2dFunction, ScipyConv2dFunction
from fftconv.tutorial.layers import FFTConv2d, NativeConv2d, ScipyConv2d
from fftconv.tutorial.spectrum import BadFFTFunction, fft_magnitude, incorrect_fft

__all__ = [
    "BadFFTFunction",
    "FFTConv2d",
    "FFTConv2dFunction",
    "NativeConv2d",
    "ScipyConv2d",
    "ScipyConv2dFunction",
    "fft_magnitude",
    "incorrect_fft",
]
