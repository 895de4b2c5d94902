"""Overlap-save on a CPU: each tile is cut, transformed, multiplied and put in place in one go.

What a pass does is in `passes`; here it gets its operands and its memory, for all three maps in one
long file, since each gradient is the same pass with other operands.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import torch

from fftconv._torch_state import is_profiling
from fftconv.calibration.between import per_byte
from fftconv.geometry import area
from fftconv.machine_code import pages
from fftconv.machine_code.pool import share
from fftconv.machine_code.scratch import Scratch
from fftconv.methods.maps import readable
from fftconv.methods.overlap_save import fields as at
from fftconv.methods.overlap_save import mkl
from fftconv.methods.overlap_save.cost import way as way_of
from fftconv.methods.overlap_save.engine import GENERATED_CODE, memory_share
from fftconv.methods.overlap_save.generated import ready
from fftconv.methods.overlap_save.tiled import TiledEngine, one_by_one, own_serves
from fftconv.methods.overlap_save.tiling import SMALL, keeps_spectra, too_large

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.calibration.constants import Precision
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Gradients, Kept, Map, Tensors
    from fftconv.methods.overlap_save.tiling import Tiling

#: Numbers in all tiles of a pass, below which a second thread costs more than it brings.
SERIAL_NUMBERS = 1 << 14
#: Numbers for each row or column of a tile that a generated transform works in, of four bytes.
ROOM = 64
#: Parts in which the weight's gradient is summed, and numbers that they may take: constants, so
#: that the order of summation does not depend on the number of threads.
PARTS, PARTS_NUMBERS = 8, 1 << 21
#: Parts that there are in any case, for two threads to work on.
LEAST_PARTS = 2
#: Thread-seconds per byte of filters' spectra that are not in a cache: they are read one after the
#: other. (Xeon, 10 cases of 1 to 224 channels to 2 to 116, filters of 15 to 45; 2e-11 to 6e-11.)
READ_S = 4e-11
# The phases whose ticks a pass counts, as profiles call them.
_PHASES = {
    "copy": at.COPYING,
    "transform": at.TRANSFORMING,
    "product": at.MULTIPLYING,
    "inverse": at.INVERTING,
}
_FIELDS = ctypes.c_int64 * at.COUNT


def shares(geometry: Geometry, tiling: Tiling) -> tuple[int, int]:
    """Return how many rows of tiles go into a part of the weight's gradient, and the parts."""
    rows = geometry.batch * tiling.grid[0]
    planes = geometry.out_channels * geometry.in_channels // geometry.groups
    # As many as input and output at most, or they would be what is too large (`too_large`).
    room = min(PARTS_NUMBERS, max(geometry.numbers, SMALL // 2))
    most = max(LEAST_PARTS, room // (2 * tiling.spectrum * planes))
    share = -(-rows // min(rows, -(-PARTS // geometry.groups), most))
    return share, -(-rows // share)


def _plane(tiling: Tiling) -> float:
    """Count the numbers of a spectrum, whose rows are padded."""
    return 2 * tiling.spectrum * 1.1


class FewChannels(TiledEngine):
    """The engine for few channels on one side at least, where numba is there."""

    def kept_bytes(self) -> int:
        """Return the bytes of weight spectra that are kept between calls."""
        return memory_share()

    def serves(self, geometry: Geometry, on_cpu: bool) -> bool:
        """Whether a case is done one tile after the other."""
        return one_by_one(geometry, on_cpu)

    def tiles(
        self, geometry: Geometry, tiling: Tiling, dtype: torch.dtype, device: torch.device
    ) -> Passes:
        """Return the passes over a case."""
        del device
        return Passes(geometry, tiling, dtype)

    def transforms(self, cut: Tiling) -> str:
        """Name what the passes call."""
        return GENERATED_CODE if cut.own else "MKL"

    def numbers(self, geometry: Geometry, tiling: Tiling) -> float:
        """Count what all threads work on, parts of the weight's gradient, and the result.

        The weight's spectra do not count, nor as many of its gradient: see `filter_bytes`.
        """
        ins, outs = geometry.channels_per_group
        filters = geometry.out_channels * ins
        result = geometry.batch * geometry.in_channels * area(geometry.input_size)
        plane = _plane(tiling)
        _, parts = shares(geometry, tiling)
        height, width = geometry.kernel_size[0] - 1, geometry.input_size[1]
        seams = geometry.batch * geometry.in_channels * (tiling.grid[0] - 1) * height * width
        # Of each thread the gradient's spectra, and one of the input's or of their product; and for
        # generated transforms a tile, and one of which the columns are transformed.
        spectra = 1.0 if ins == outs == 1 and keeps_spectra(geometry, tiling) else outs + 1.0
        if tiling.own:
            spectra += 2 + ROOM * max(tiling.fft) / (tiling.fft[0] * tiling.fft[1])
        at_work = min(torch.get_num_threads(), geometry.groups * parts) * spectra
        return plane * (at_work + filters * max(0, parts - LEAST_PARTS)) + seams + result

    def filter_bytes(self, geometry: Geometry, cut: Tiling, item_bytes: int) -> int:
        """Return the bytes of the spectra of a weight and its gradient, if they are much."""
        ins, _ = geometry.channels_per_group
        _, parts = shares(geometry, cut)
        planes = geometry.out_channels * ins * (1 + min(parts, LEAST_PARTS))
        numbers = _plane(cut) * planes
        if not too_large(geometry, cut, lambda *case: numbers + self.numbers(*case)):
            return 0
        return round(numbers * item_bytes)

    def ways(self, geometry: Geometry) -> tuple[bool, ...]:
        """Return whether there are MKL's transforms, and generated ones."""
        return (False,) * mkl.available() + (True,) * own_serves(geometry)

    def predict(
        self, names: tuple[Map, ...], geometry: Geometry, tiling: Tiling, call: float,
        rates: Precision, threads: int, item_bytes: int,
    ) -> float:  # fmt: skip
        """Predict passes that threads share piece by piece."""
        pixels = tiling.fft[0] * tiling.fft[1]
        pieces = geometry.batch * geometry.groups * area(tiling.grid)
        if pieces * pixels < SERIAL_NUMBERS:
            threads = 1
        way, product = pixels * way_of(rates, tiling, item_bytes), pixels * rates.product
        ins, outs = geometry.channels_per_group
        pairs = ins * outs
        # Each tile is multiplied by all spectra of its group's filters, or added to them.
        spectrum = _plane(tiling) * item_bytes
        read = spectrum * per_byte(spectrum * geometry.out_channels * ins, 0.0, READ_S)
        weights = -(-geometry.out_channels * ins // threads)
        # Weights that are learned are transformed anew each time; others are kept.
        seconds = weights * (way + read) if "grad_input" in names else 0.0
        if "forward" in names:
            tile = (ins + outs) * way + pairs * (product + read)
            seconds += call + -(-pieces // threads) * tile
        if names == ("forward",):
            return seconds
        share, parts = shares(geometry, tiling)
        row = outs * way
        if "grad_input" in names:
            row += ins * way + pairs * (product + read)
        if "grad_weight" in names:
            row += pairs * (product + 2 * read)
            if "forward" not in names or not keeps_spectra(geometry, tiling):
                row += ins * way
            seconds += weights * (way + parts * (product + read))
        rounds = -(-geometry.groups * parts // threads)
        return seconds + 2 * call + rounds * share * tiling.grid[1] * row


class Passes:
    """One case, cut up in one way, ready to run on any operands."""

    def __init__(self, geometry: Geometry, tiling: Tiling, dtype: torch.dtype) -> None:
        self._geometry, self._tiling = geometry, tiling
        self._bits = 8 * dtype.itemsize
        self._own = ready.transforms(tiling.fft, dtype) if tiling.own else None
        self._mkl = None if tiling.own else mkl.transforms(tiling.fft, dtype)
        self._channels = ins, _ = geometry.channels_per_group
        self.weight = str((tiling.fft, tiling.own, geometry.weight_shape, dtype))
        self._area = tiling.fft[0] * self._mkl.row if self._mkl else 0
        self._desk = at.COPY_BYTES
        if self._own:
            self._area = self._own.area
            self._desk += self._own.desk
        self._bytes = self._area * dtype.itemsize
        self._planes = geometry.out_channels * ins
        share, self._shares = shares(geometry, tiling)
        tiles = tiling.grid[0] * tiling.grid[1] * geometry.batch * geometry.groups
        self._pieces = {"forward": tiles, "backward": geometry.groups * self._shares}
        self._template = bytes(self._filled(share))
        self._addresses: dict[str, int] = {}

    def _filled(self, share: int) -> ctypes.Array[ctypes.c_int64]:
        """Return the fields that are the same for all calls, the others zero."""
        geometry, tiling = self._geometry, self._tiling
        fields = _FIELDS()
        if self._mkl:
            fields[at.THERE], fields[at.BACK] = self._mkl.there, self._mkl.back
            fields[at.HANDLE], fields[at.HANDLE_BACK] = self._mkl.handle, self._mkl.handle_back
            fields[at.ROW] = self._mkl.row
        if self._own:
            own = self._own
            fields[at.COLUMNS_THERE : at.COLUMNS_BACK + 1] = [*own.functions]
            fields[at.TURNS_H], fields[at.TURNS_W] = (turns.address for turns in own.turns)
            fields[at.HALF_AT] = own.half
            fields[at.WORK_AT], fields[at.ENDS_AT] = own.work, own.ends
            fields[at.HALF_ROW], fields[at.ROW] = own.half_row, own.row
        fields[at.DESK_BYTES] = self._desk
        fields[at.GROUPS], fields[at.BATCH] = geometry.groups, geometry.batch
        fields[at.INS], fields[at.OUTS] = self._channels
        fields[at.FFT_H], fields[at.FFT_W] = tiling.fft
        fields[at.AREA] = self._area
        fields[at.STEP_H], fields[at.STEP_W] = tiling.step
        fields[at.GRID_H], fields[at.GRID_W] = tiling.grid
        fields[at.IN_H], fields[at.IN_W] = geometry.input_size
        fields[at.TOP], _, fields[at.LEFT], _ = geometry.padding
        fields[at.OUT_H], fields[at.OUT_W] = geometry.output_size
        fields[at.KERNEL_H], fields[at.KERNEL_W] = geometry.kernel_size
        fields[at.PLANES], fields[at.SHARE], fields[at.SHARES] = self._planes, share, self._shares
        return fields

    def _compiled(self, name: str) -> int:
        """Return the address of a pass's function, which is compiled when it is first asked for."""
        if name not in self._addresses:
            from fftconv.methods.overlap_save import passes

            self._addresses[name] = getattr(passes, name)(self._bits).address
        return self._addresses[name]

    def _run(
        self, name: str, fields: ctypes.Array[ctypes.c_int64], pieces: int, threads: int
    ) -> None:
        """Run a pass in at most so many threads, which have room in the scratch memory."""
        address = self._addresses.get(name) or self._compiled(name)
        threads = 1 if pieces * self._area < SERIAL_NUMBERS else min(threads, pieces)
        fields[at.TICKET] = fields[at.SLOTS] = 0
        fields[at.SELF] = ctypes.addressof(fields)
        share(address, fields[at.SELF], threads)
        mkl.check(fields[at.STATUS])
        if is_profiling():
            _report(fields)

    def weight_spectra(self, w: Tensor) -> Tensor:
        """Return the spectra of a weight's planes: (planes, numbers of a spectrum)."""
        w = w.resolve_neg().contiguous()
        spectra = w.new_empty((self._planes, self._area))
        fields = _FIELDS.from_buffer_copy(self._template)
        fields[at.X], fields[at.W] = w.data_ptr(), spectra.data_ptr()
        threads = torch.get_num_threads()
        with Scratch(threads * self._desk) as (fields[at.DESKS],):
            self._run("weights", fields, self._planes, threads)
        return spectra

    def forward(self, x: Tensor, spectra: Tensor, bias: Tensor | None, keep: bool) -> Kept:
        """Return the output, and the spectra of all tiles of the input if they are to be kept."""
        geometry, (ins, _) = self._geometry, self._channels
        x = readable(x)
        y = pages.new(x, geometry.output_shape)
        kept: Tensors = ()
        fields = _FIELDS.from_buffer_copy(self._template)
        if keep:
            grid = self._tiling.grid
            signals = pages.new(x, (geometry.batch, geometry.in_channels, *grid, self._area))
            fields[at.KEPT], kept = signals.data_ptr(), (signals,)
        if bias is not None:
            bias = bias.resolve_neg().contiguous()
            fields[at.BIAS] = bias.data_ptr()
        threads = torch.get_num_threads()
        fields[at.X], fields[at.Y], fields[at.W] = x.data_ptr(), y.data_ptr(), spectra.data_ptr()
        fields[at.X_N], fields[at.X_C], fields[at.X_H], _ = x.stride()
        fields[at.Y_N], fields[at.Y_C], fields[at.Y_H], _ = y.stride()
        slot = fields[at.SLOT_BYTES] = (ins + 1) * self._bytes
        with Scratch(threads * slot, threads * self._desk) as places:
            fields[at.SCRATCH], fields[at.DESKS] = places
            self._run("forward", fields, self._pieces["forward"], threads)
        return y, kept

    def backward(
        self, g: Tensor, x: Tensor | None, spectra: Tensor | None, kept: Tensors
    ) -> Gradients:
        """Return the input's gradient if there are spectra, the weight's if there is an input."""
        geometry = self._geometry
        g = readable(g)
        fields = _FIELDS.from_buffer_copy(self._template)
        threads = torch.get_num_threads()
        slot = fields[at.SLOT_BYTES] = (self._channels[1] + 1) * self._bytes
        fields[at.Y] = g.data_ptr()
        fields[at.Y_N], fields[at.Y_C], fields[at.Y_H], _ = g.stride()
        gx = gw = None
        parts = tails = ends = 0
        if spectra is not None:
            gx = pages.new(g, geometry.input_shape)
            fields[at.GX], fields[at.W] = gx.data_ptr(), spectra.data_ptr()
            seams = self._tiling.grid[0] - 1
            if seams:
                height, width = geometry.kernel_size[0] - 1, geometry.input_size[1]
                ends = geometry.batch * geometry.in_channels
                tails = ends * seams * height * width * g.element_size()
        if x is not None:
            gw = g.new_empty(geometry.weight_shape)
            fields[at.GW] = gw.data_ptr()
            ends += self._planes
            parts = self._shares * self._planes * self._bytes
            if kept:
                fields[at.KEPT] = kept[0].data_ptr()
            else:
                x = readable(x)
                fields[at.X] = x.data_ptr()
                fields[at.X_N], fields[at.X_C], fields[at.X_H], _ = x.stride()
        with Scratch(threads * slot, threads * self._desk, parts, tails) as places:
            fields[at.SCRATCH], fields[at.DESKS], fields[at.PARTS], fields[at.TAILS] = places
            if not parts:
                fields[at.PARTS] = 0  # says that no gradient of the weight is wanted
            self._run("backward", fields, self._pieces["backward"], threads)
            if ends:
                self._run("finish", fields, ends, threads)
        return gx, gw


def _report(fields: ctypes.Array[ctypes.c_int64]) -> None:
    """Leave a mark in a profile: what a pass spent its time on, which no profiler sees into."""
    said = " ".join(f"{name}={fields[place]}" for name, place in _PHASES.items())
    with torch.autograd.profiler.record_function(f"phases: {said}"):
        pass
    for place in _PHASES.values():
        fields[place] = 0
