"""The process whose instructions are counted: it makes the calls of the cells that it is given.

`benchmarks.instructions` starts it twice: as it is, so that numba's cache is filled, and under
valgrind. It imports no more than it must (not `benchmarks.operands`): under valgrind each import
takes thirty times as long.
"""

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import fftconv
from benchmarks.callgrind import count_calls

# Caches and what is made when it is first needed fill in these calls.
_WARM_UP = 3


def _call(method: str, input_size: int, filter_size: int, direction: str) -> Callable[[], object]:
    generator = torch.Generator().manual_seed(20_26)
    x = torch.randn((1, 1, input_size, input_size), generator=generator)
    w = torch.randn((1, 1, filter_size, filter_size), generator=generator)
    conv2d: Any = fftconv.conv2d
    if direction == "forward":
        return lambda: conv2d(x, w, method=method)
    operands = (x.requires_grad_(), w.requires_grad_())
    y = conv2d(*operands, method=method)
    g = torch.randn(y.shape, generator=generator)
    gradients = torch.autograd.grad
    return lambda: gradients(y, operands, g, retain_graph=True)


def main(request: str) -> None:
    """Make the calls that the file at `request` asks for, and say there which were made."""
    path = Path(request)
    asked = json.loads(path.read_text(encoding="utf-8"))
    package = Path(str(fftconv.__file__)).parents[1]
    if package.resolve() != Path(asked["package_dir"]):
        raise SystemExit(f"fftconv was imported from {package}, not from {asked['package_dir']}")
    torch.set_num_threads(1)
    known = set(fftconv.methods()) if hasattr(fftconv, "methods") else set()
    made = [cell for cell in asked["cells"] if cell[0] in known]
    calls = [_call(*cell) for cell in made]
    for call in calls * _WARM_UP:
        call()
    path.write_text(json.dumps({**asked, "cells": made}), encoding="utf-8")
    gc.collect()
    gc.disable()
    count_calls(calls)
