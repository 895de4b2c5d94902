"""What a call of `fftconv.conv2d` costs where there is next to nothing to compute.

Both sides convolve an 8x8 image with a 3x3 filter and a bias. For ``native`` the difference from
`torch.nn.functional.conv2d` is the cost of checking and choosing, since the kernel is the same. For
``compiled`` it is, too, the cost of recording a function in Python and of calling it from torch's
engine, less what its kernel saves. ``python -m benchmarks.overhead`` prints the table.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import operands

CALLS = ("inference", "forward", "forward recorded", "backward")
METHODS = ("native", "compiled")
_ROUNDS = 60
_CALLS_PER_ROUND = 50


def _call(function: Callable[..., Tensor], kind: str) -> Callable[[], object]:
    shapes = ((1, 1, 8, 8), (1, 1, 3, 3), (1,))
    x, w, b = (operands.seeded(shape, torch.float32) for shape in shapes)
    if kind in ("forward recorded", "backward"):
        w.requires_grad_()
        b.requires_grad_()
    if kind != "backward":
        return lambda: function(x, w, b)
    y = function(x, w, b)
    g = torch.ones_like(y)
    return lambda: torch.autograd.grad(y, (w, b), g, retain_graph=True)


def _mean_s(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(_CALLS_PER_ROUND):
        call()
    return (time.perf_counter() - start) / _CALLS_PER_ROUND


def overhead_s(kind: str, method: str) -> float:
    """Return the median extra seconds of a call, the two functions taking turns."""
    conv2d = operands.subject("conv2d")
    ours = _call(lambda x, w, b: conv2d(x, w, b, method=method), kind)
    bare = _call(lambda x, w, b: F.conv2d(x, w, b), kind)
    with torch.inference_mode(kind == "inference"), torch.set_grad_enabled(kind != "forward"):
        differences = [_mean_s(ours) - _mean_s(bare) for _ in range(_ROUNDS)]
    return statistics.median(differences)


class Overhead:
    """Extra seconds of a call through fftconv, by what is recorded."""

    version = "2"
    unit = "seconds"
    params = (list(CALLS), list(METHODS))
    param_names = ("call", "method")

    def setup(self, _: str, method: str) -> None:
        """Skip commits from before there was such a function."""
        missing = operands.missing_method(method)
        if missing is not None:
            raise NotImplementedError(missing)

    def track_overhead(self, kind: str, method: str) -> float:
        """Seconds beyond torch's own call."""
        return overhead_s(kind, method)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__).parse_args()
    print(f"{'':18}" + "".join(f"{name:>13}" for name in METHODS))
    for name in CALLS:
        cells = (f"{overhead_s(name, method) * 1e6:10.1f} us" for method in METHODS)
        print(f"{name:18}" + "".join(cells))
