"""Convolution of images larger than memory, on one machine or many: the maps for dask arrays.

``pip install 'fftconv[dask]'``. Nothing else in fftconv imports dask.
"""

from fftconv.dask.functional import conv2d as conv2d
from fftconv.dask.functional import grad_input as grad_input
from fftconv.dask.functional import grad_weight as grad_weight
from fftconv.dask.ndimage import convolve as convolve
from fftconv.dask.ndimage import correlate as correlate
