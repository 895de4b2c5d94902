"""Leave the caller's process as it was: random state, threads, default dtype, gradients' mode."""

import contextlib
import random
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import torch


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Put back at the end what a layer, or a check of one, may have changed.

    Warnings are not shown meanwhile: what they are about, a check says.
    """
    generator, threads = torch.random.get_rng_state(), torch.get_num_threads()
    dtype, gradients = torch.get_default_dtype(), torch.is_grad_enabled()
    of_numpy, of_python = np.random.get_state(), random.getstate()  # noqa: NPY002
    profiler = sys.getprofile()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.setprofile(profiler)
        torch.random.set_rng_state(generator)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        np.random.set_state(of_numpy)  # noqa: NPY002
        random.setstate(of_python)
