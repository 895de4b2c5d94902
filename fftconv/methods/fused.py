"""Overlap-save on a CPU: each tile is cut, transformed, multiplied and put in place in one go.

What a pass does is in `fftconv.kernels.passes`; here it gets its operands and its memory.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from fftconv.kernels.pool import CALL, runner
from fftconv.methods import mkl
from fftconv.methods.scratch import Scratch
from fftconv.methods.unit import readable

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.method import Gradients, Kept, Tensors
    from fftconv.methods.tiling import Tiling

#: Pairs of an input and an output channel of a group, above which a matrix product of all tiles'
#: spectra is faster than one tile after the other.
MOST_PAIRS = 64
#: Numbers in all tiles of a pass, below which a second thread costs more than it brings.
SERIAL_NUMBERS = 1 << 14
#: Parts in which the weight's gradient is summed, and numbers that they may take: constants, so
#: that the order of summation does not depend on the number of threads.
PARTS, PARTS_NUMBERS = 8, 1 << 21
# Fields that a call fills in, as `fftconv.kernels.passes` unpacks them.
_STATUS, _SCRATCH, _X, _G, _W, _KEPT = 2, 3, 29, 33, 37, 38
_GX, _PARTS, _TAILS, _GW, _COPYING = 39, 40, 41, 45, 46
#: The phases whose ticks a pass counts, in the order of its last fields, as profiles call them.
_PHASES = ("copy", "transform", "product", "inverse")


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether there are MKL to transform and numba to compile the rest."""
    return mkl.available() and find_spec("numba") is not None


def serves(geometry: Geometry, on_cpu: bool) -> bool:
    """Whether a case is done tile by tile here."""
    pairs = geometry.out_channels * geometry.in_channels // geometry.groups**2
    return on_cpu and pairs <= MOST_PAIRS and available()


def shares(geometry: Geometry, tiling: Tiling) -> tuple[int, int]:
    """Return how many rows of tiles go into a part of the weight's gradient, and the parts."""
    rows = geometry.batch * tiling.grid[0]
    planes = geometry.out_channels * geometry.in_channels // geometry.groups
    most = max(2, PARTS_NUMBERS // (2 * tiling.spectrum * planes))
    share = -(-rows // min(rows, -(-PARTS // geometry.groups), most))
    return share, -(-rows // share)


class Passes:
    """One case, cut up in one way, ready to run on any operands."""

    def __init__(self, geometry: Geometry, tiling: Tiling, dtype: torch.dtype) -> None:
        self._geometry, self._tiling = geometry, tiling
        self._bits = 8 * dtype.itemsize
        self._transforms = mkl.transforms(tiling.fft, dtype)
        ins = geometry.in_channels // geometry.groups
        outs = geometry.out_channels // geometry.groups
        self.weight: object = (tiling.fft, geometry.weight_shape, dtype)
        self._plane = tiling.fft[0], self._transforms.row
        self._area = self._plane[0] * self._plane[1]
        self._bytes = self._area * dtype.itemsize
        self._channels = ins, outs
        self._planes = geometry.out_channels * ins
        share, self._shares = shares(geometry, tiling)
        tiles = tiling.grid[0] * tiling.grid[1] * geometry.batch * geometry.groups
        self._pieces = {"forward": tiles, "backward": geometry.groups * self._shares}
        ready = self._transforms
        values: tuple[int, ...] = (
            0, 0, 0, 0, 0, ready.there, ready.back, ready.handle, ready.handle_back,
            geometry.groups, ins, outs, geometry.batch, *tiling.fft, ready.row, self._area,
            *tiling.step, *tiling.grid, *geometry.input_size, geometry.padding[0],
            geometry.padding[2], *geometry.output_size, *geometry.kernel_size,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, self._planes, share, self._shares, 0, 0, 0, 0, 0,
        )  # fmt: skip
        self._fields = ctypes.c_int64 * len(values)
        self._template = bytes(self._fields(*values))
        self._addresses: dict[str, int] = {}

    def _compiled(self, name: str) -> int:
        """Return the address of a pass's function, which is compiled when it is first asked for."""
        if name not in self._addresses:
            from fftconv.kernels import passes

            self._addresses[name] = getattr(passes, name)(self._bits).address
        return self._addresses[name]

    def _run(
        self, name: str, fields: ctypes.Array[ctypes.c_int64], pieces: int, threads: int
    ) -> None:
        """Run a pass in at most so many threads, which have room in the scratch memory."""
        address = self._addresses.get(name) or self._compiled(name)
        threads = min(threads, pieces)
        fields[0] = fields[1] = 0
        if threads == 1 or pieces * self._area < SERIAL_NUMBERS:
            CALL(address)(ctypes.addressof(fields))
        else:
            runner()(address, ctypes.addressof(fields), threads)
        mkl.check(fields[_STATUS])
        if torch._C._autograd._profiler_enabled():
            _report(fields)

    def weight_spectra(self, w: Tensor) -> Tensor:
        """Return the spectra of a weight's planes: (planes, rows, numbers of a row)."""
        w = w.resolve_neg().contiguous()
        spectra = w.new_empty((self._planes, *self._plane))
        fields = self._fields.from_buffer_copy(self._template)
        fields[_X], fields[_W] = w.data_ptr(), spectra.data_ptr()
        self._run("weights", fields, self._planes, torch.get_num_threads())
        return spectra

    def forward(self, x: Tensor, spectra: Tensor, keep: bool) -> Kept:
        """Return the output, and the spectra of all tiles of the input if they are to be kept."""
        geometry, (ins, _) = self._geometry, self._channels
        x = readable(x)
        y = x.new_empty(geometry.output_shape)
        kept: Tensors = ()
        fields = self._fields.from_buffer_copy(self._template)
        if keep:
            grid = self._tiling.grid
            signals = x.new_empty((geometry.batch, geometry.in_channels, *grid, *self._plane))
            fields[_KEPT], kept = signals.data_ptr(), (signals,)
        threads = torch.get_num_threads()
        fields[_X], fields[_G], fields[_W] = x.data_ptr(), y.data_ptr(), spectra.data_ptr()
        fields[_X + 1], fields[_X + 2], fields[_X + 3], _ = x.stride()
        fields[_G + 1], fields[_G + 2], fields[_G + 3], _ = y.stride()
        slot = fields[_SCRATCH + 1] = (ins + 1) * self._bytes
        with Scratch(threads * slot) as (fields[_SCRATCH],):
            self._run("forward", fields, self._pieces["forward"], threads)
        return y, kept

    def backward(
        self, g: Tensor, x: Tensor | None, spectra: Tensor | None, kept: Tensors
    ) -> Gradients:
        """Return the input's gradient if there are spectra, the weight's if there is an input."""
        geometry = self._geometry
        g = readable(g)
        fields = self._fields.from_buffer_copy(self._template)
        threads = torch.get_num_threads()
        slot = fields[_SCRATCH + 1] = (self._channels[1] + 1) * self._bytes
        fields[_G] = g.data_ptr()
        fields[_G + 1], fields[_G + 2], fields[_G + 3], _ = g.stride()
        gx = gw = None
        parts = tails = ends = 0
        if spectra is not None:
            gx = g.new_empty(geometry.input_shape)
            fields[_GX], fields[_W] = gx.data_ptr(), spectra.data_ptr()
            seams = self._tiling.grid[0] - 1
            if seams:
                height, width = geometry.kernel_size[0] - 1, geometry.input_size[1]
                ends = geometry.batch * geometry.in_channels
                tails = ends * seams * height * width * g.element_size()
        if x is not None:
            gw = g.new_empty(geometry.weight_shape)
            fields[_GW] = gw.data_ptr()
            ends += self._planes
            parts = self._shares * self._planes * self._bytes
            if kept:
                fields[_KEPT] = kept[0].data_ptr()
            else:
                x = readable(x)
                fields[_X] = x.data_ptr()
                fields[_X + 1], fields[_X + 2], fields[_X + 3], _ = x.stride()
        with Scratch(threads * slot, parts, tails) as places:
            fields[_SCRATCH], fields[_PARTS], fields[_TAILS] = places
            if not parts:
                fields[_PARTS] = 0  # says that no gradient of the weight is wanted
            self._run("backward", fields, self._pieces["backward"], threads)
            if ends:
                self._run("finish", fields, ends, threads)
        return gx, gw


def _report(fields: ctypes.Array[ctypes.c_int64]) -> None:
    """Leave a mark in a profile: what a pass spent its time on, which no profiler sees into."""
    shares = zip(_PHASES, fields[_COPYING:], strict=True)
    with torch.autograd.profiler.record_function(
        "phases: " + " ".join(f"{n}={t}" for n, t in shares)
    ):
        pass
    fields[_COPYING:] = [0] * len(_PHASES)
