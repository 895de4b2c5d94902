"""How methods time themselves when a machine is calibrated."""

from __future__ import annotations

import time
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import torch

from fftconv.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fftconv.methods.maps import Map, Maps
    from fftconv.methods.method import Method

#: Seconds of samples for each figure; the best sample counts.
SAMPLE_S = 0.004
#: By what share a case's seconds vary, and the weight of a factor of e between what is fitted and
#: what is usual: beside cases that vary by a tenth, such a factor is nothing rare.
NOISE, DOUBT = 0.1, 0.1
#: Numbers that torch leaves to one thread, and runs of a reading of the machine's pace.
GRAIN, RUNS = 1 << 15, 15


def best_s(call: Callable[[], object], sample_s: float | None = None) -> float:
    """Return the seconds of the fastest of a few calls.

    At least five, or as many as fit into ten times `sample_s` (`SAMPLE_S` unless told): a busy
    spell must not spoil all. A host may be slower by half for minutes, and figures that are held
    against each other are measured minutes apart: each is brought to one pace (`_pace_s`).
    """
    if sample_s is None:
        sample_s = SAMPLE_S
    call()
    before = _pace_s()
    fastest, spent, calls = float("inf"), 0.0, 0
    while not calls or spent < sample_s or (calls < 5 and spent < 10 * sample_s):
        start = time.perf_counter()
        call()
        took = time.perf_counter() - start
        fastest, spent, calls = min(fastest, took), spent + took, calls + 1
    return fastest * _usual_s() * 2 / (before + _pace_s())


@lru_cache(maxsize=1)
def _usual_s() -> float:
    """Return the pace of this process' first figure, which all others are brought to."""
    return _pace_s()


def _pace_s() -> float:
    """Return the seconds of a piece of work that is all arithmetic, in the median of some runs.

    It is of one thread: two would wait for each other whenever one of them has no core.
    """
    x = torch.linspace(-4, 4, GRAIN)
    y = torch.empty_like(x)
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        torch.sigmoid(x, out=y)
        runs.append(time.perf_counter() - start)
    return median(runs)


def serial_s(call: Callable[[], object]) -> float:
    """Return the seconds of a call on one thread.

    What a call costs beside its work does not depend on threads, while on a busy machine the second
    one may be waited for a thousand times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return best_s(call, 10 * SAMPLE_S)
    finally:
        torch.set_num_threads(threads)


def call_s(method: Method) -> float:
    """Return the seconds of the shortest map of next to nothing."""
    return min(each_call_s(method))


def each_call_s(method: Method, batch: int = 1) -> list[float]:
    """Return the seconds of each map of next to nothing, the forward pass first."""
    geometry = Geometry.of((batch, 1, 8, 8), (1, 1, 3, 3))
    return [serial_s(call) for _, call in each_map(method, geometry, torch.float32)]


def each_map(
    subject: Method, geometry: Geometry, dtype: torch.dtype
) -> Iterator[tuple[Map, Callable[[], object]]]:
    """Yield each map of a method and a call of it with random operands."""
    maps = subject.prepare(geometry, dtype, torch.device("cpu"))
    return each_of(maps, geometry, dtype)


def each_of(
    maps: Maps, geometry: Geometry, dtype: torch.dtype
) -> Iterator[tuple[Map, Callable[[], object]]]:
    """Yield each of the three maps and a call of it with random operands."""
    generator = torch.Generator().manual_seed(0)
    x, w, g = (
        torch.randn(shape, dtype=dtype, generator=generator)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    yield "forward", lambda: maps.forward(x, w)
    yield "grad_input", lambda: maps.grad_input(g, w)
    yield "grad_weight", lambda: maps.grad_weight(x, g)


def fitted(
    counts: Sequence[Sequence[float]], seconds: Sequence[float], usual: Sequence[float]
) -> tuple[float, ...]:
    """Return what each thing that is counted takes, so that cases take their seconds.

    Each case counts the same, long or short. A case that a busy spell made slow has little say
    (the loss is linear beyond `NOISE`), and of a thing that hardly any time was spent on, the
    `usual` is believed: least squares alone have made of such noise that a product is free.
    """
    from scipy.optimize import least_squares

    cases, taken, believed = np.array(counts), np.log(seconds), np.log(usual)

    def misses(logs: np.ndarray) -> np.ndarray:
        return np.concatenate([np.log(cases @ np.exp(logs)) - taken, DOUBT * (logs - believed)])

    found = least_squares(misses, believed, loss="soft_l1", f_scale=NOISE)
    return tuple(float(rate) for rate in np.exp(found.x))
