"""What correlations of many channels cost, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fftconv.calibration.constants import Dense
from fftconv.calibration.machine import defaults
from fftconv.geometry import Geometry
from fftconv.methods.overlap_save.many_channels import cost
from fftconv.methods.overlap_save.many_channels.lengths import Lengths
from fftconv.methods.overlap_save.many_channels.maps import ManyChannelsMaps
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra
from fftconv.methods.timing import best_s, each_of, fitted

if TYPE_CHECKING:
    from fftconv.methods.maps import Map

#: Sides of the tiles that are timed: with longer ones spectra come from memory.
LENGTHS = (8, 12, 16)
#: Channels, side of the image, and map. Of few channels most is transforms, of many products; with
#: next to no image most is spectra of the weight, which gradients make anew.
CASES: tuple[tuple[int, int, Map], ...] = (
    (16, 128, "forward"), (32, 64, "forward"), (64, 64, "forward"), (96, 32, "forward"),
    (32, 14, "grad_input"), (64, 7, "grad_input"),
)  # fmt: skip
#: Rates about which a prediction counts as the sum of its parts. (It is not quite: spectra that
#: come from memory cost what memory costs.)
USUAL = 5e-11, 2e-10, 2e-10
#: Seconds of samples for each figure.
SAMPLE_S = 0.03


def measure(dtype: torch.dtype) -> Dense:
    """Time cases in each of which something else costs most, and part what they took."""
    threads, item = torch.get_num_threads(), dtype.itemsize
    counts, seconds = [], []
    for channels, side, name in CASES:
        for length in LENGTHS:
            shape = channels, channels, 3, 3
            geometry = Geometry.of((1, channels, side, side), shape, padding=1)
            beside, *each = (
                cost.seconds(
                    name, geometry, length, item, Dense(*parts), threads, learned=False, hot=True
                )
                for parts in ((0, 0, 0), *np.diag(USUAL))
            )
            counts.append(
                [(part - beside) / usual for part, usual in zip(each, USUAL, strict=True)]
            )
            taken = _case_s(name, geometry, length, dtype)
            seconds.append(max(taken - beside, 0.1 * taken))
    shipped = defaults().precision(item).dense
    return Dense(*fitted(counts, seconds, [getattr(shipped, f) for f in Dense.__struct_fields__]))


def _case_s(name: Map, geometry: Geometry, length: int, dtype: torch.dtype) -> float:
    maps = ManyChannelsMaps(geometry, Lengths(*[length] * 4), dtype, WeightSpectra())
    return best_s(dict(each_of(maps, geometry, dtype))[name], SAMPLE_S)
