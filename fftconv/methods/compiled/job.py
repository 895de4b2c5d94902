"""Jobs: a stack of correlations, the compiled function for it, and its run on torch's threads."""

from __future__ import annotations

import ctypes
from ctypes import addressof
from math import prod
from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.pages import LARGE_BYTES, ask
from fftconv.machine_code.pool import CALL, runner
from fftconv.methods.compiled import direct_loops
from fftconv.methods.compiled import fields as at
from fftconv.methods.compiled.division import correlation, divide

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map


_FIELDS = ctypes.c_int64 * at.COUNT
_A_STEPS = slice(at.A_G, at.A_H + 1)
_B_STEPS = slice(at.B_G, at.B_H + 1)
_OUT_STEPS = slice(at.OUT_G, at.OUT_STEP_H + 1)
#: Tickets of a thread, at least where there are pieces enough. To take one costs as long as a small
#: plane if the other core has taken the last one, and planes side by side share lines of the cache:
#: of 4096 planes of 14x14 with a ticket each two threads took as long as one (Xeon).
TICKETS = 16
#: Eight bytes that are zero as a number of any type: what is added where nothing is to be.
_ZERO = ctypes.c_int64(0)


class Job:
    """One map as a stack of correlations, its function and its pieces, ready for any operands."""

    def __init__(self, name: Map, geometry: Geometry, bits: int) -> None:
        """Take a map of a case, and the bits of a number."""
        shape = correlation(name, geometry, bits)
        division = divide(shape)
        if division.form == "dot":
            function = direct_loops.dot(
                shape.bits, division.rows, division.planes, division.columns
            )
        else:
            function = direct_loops.broadcast(
                shape.bits, division.rows, division.planes, division.columns, division.size
            )
        #: Whether the caller has to reverse b: these functions read dense taps forwards only.
        self.needs_flip = shape.flipped and (division.form == "dot" or division.size > 0)
        self._axes, self._result = shape.axes, shape.shapes[2]
        self._serial, self._parts = division.serial, division.parts
        self._address, self._call = function.address, CALL(function.address)
        a_steps, b_steps, o_steps = shape.dense_steps()
        b_width, self._b_offset = 1, 0
        if shape.flipped and not self.needs_flip:
            self._b_offset = (shape.kernel[0] * shape.kernel[1] - 1) * shape.bits // 8
            b_steps, b_width = (*b_steps[:3], -b_steps[3]), -1  # from the last tap backwards
        template = _FIELDS()
        template[at.START] = template[at.NOTHING] = ctypes.addressof(_ZERO)
        template[at.GROUPS], template[at.PS], template[at.QS] = shape.groups, shape.ps, shape.qs
        template[at.TERMS] = shape.terms
        template[at.HEIGHT], template[at.WIDTH] = shape.size
        template[at.KERNEL_H], template[at.KERNEL_W] = shape.kernel
        template[at.OUT_H], template[at.OUT_W] = shape.out
        template[at.TOP], template[at.LEFT] = shape.corner
        template[_A_STEPS], template[_B_STEPS] = list(a_steps), list(b_steps)
        template[at.B_W] = b_width
        template[at.OUT_PART] = shape.planes * shape.out[0] * shape.out[1]
        template[_OUT_STEPS] = list(o_steps)
        template[at.BAND], template[at.BANDS] = division.band, division.bands
        template[at.SHARE], template[at.SHARES] = division.share, division.shares
        pieces = shape.stacks(division.planes) * division.bands * division.shares
        template[at.PIECES] = pieces
        template[at.RUN] = max(1, pieces // (TICKETS * torch.get_num_threads()))
        self._template = bytes(template)
        self._item_bytes = shape.bits // 8
        self._is_large = self._parts * prod(self._result) * self._item_bytes >= LARGE_BYTES

    def run(self, a: Tensor, b: Tensor, start: Tensor | None = None) -> Tensor:
        """Correlate dense operands, and add the dense `start`, a number for each (group, q)."""
        return self._run(a, b, start, _FIELDS.from_buffer_copy(self._template))

    def run_strided(
        self, a: Tensor, b: Tensor, start: Tensor | None = None, read_b: bool = False
    ) -> Tensor:
        """Correlate operands whose rows are dense; b has any strides where `read_b` says so."""
        fields = _FIELDS.from_buffer_copy(self._template)
        fields[_A_STEPS] = list(self._axes[0].steps(a.stride()))
        if read_b:
            fields[_B_STEPS] = list(self._axes[1].steps(b.stride()))
        return self._run(a, b, start, fields)

    def _run(
        self, a: Tensor, b: Tensor, start: Tensor | None, fields: ctypes.Array[ctypes.c_int64]
    ) -> Tensor:
        parts = self._parts
        # The starred form takes two thirds of the time that a tuple takes.
        out = a.new_empty(*self._result) if parts == 1 else a.new_empty(parts, *self._result)
        if self._is_large:
            ask(out)
        fields[at.A] = a.data_ptr()
        fields[at.B] = b.data_ptr() + self._b_offset
        fields[at.OUT] = out.data_ptr()
        if start is not None:
            fields[at.START], fields[at.START_STEP] = start.data_ptr(), self._item_bytes
        if self._serial:
            self._call(addressof(fields))
        else:
            runner()(self._address, addressof(fields), torch.get_num_threads())
        return out if parts == 1 else out.sum(0)
