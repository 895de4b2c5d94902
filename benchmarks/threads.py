"""How many threads a cell has where nobody said how many."""

import os

import torch

from benchmarks.quota import limited

# Whoever asks for a number of threads gets it, quota or not.
_ASKED_FOR = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def keep_to_quota() -> int:
    """Have torch use no more threads than a quota allows cores, unless the user said how many."""
    threads = torch.get_num_threads()
    if not any(os.environ.get(name) for name in _ASKED_FOR):
        threads = limited(threads)
        torch.set_num_threads(threads)
    return threads
