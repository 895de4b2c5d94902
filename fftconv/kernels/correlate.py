"""Jobs: a stack of correlations, the compiled function for it, and its run on torch's threads."""

from __future__ import annotations

import ctypes
from ctypes import addressof
from typing import TYPE_CHECKING

import torch

from fftconv.kernels import entry
from fftconv.kernels.division import divide
from fftconv.kernels.pool import CALL, runner

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.kernels.division import Shape


class Job:
    """A shape with its function and its division into pieces, ready to run on any operands."""

    def __init__(self, shape: Shape) -> None:
        division = divide(shape)
        if division.form == "dot":
            function = entry.dot(shape.bits, division.rows, division.columns)
        else:
            function = entry.broadcast(shape.bits, division.rows, division.size)
        #: Whether the caller has to reverse b: these functions read dense taps forwards only.
        self.needs_flip = shape.flipped and (division.form == "dot" or division.size > 0)
        self._axes, self._result = shape.axes, shape.shapes[2]
        self._serial, self._parts = division.serial, division.parts
        self._address, self._call = function.address, CALL(function.address)
        a_steps, b_steps, o_steps = (
            axes.steps(_dense(whole)) for axes, whole in zip(shape.axes, shape.shapes, strict=True)
        )
        b_width, self._b_offset = 1, 0
        if shape.flipped and not self.needs_flip:
            self._b_offset = (shape.kernel[0] * shape.kernel[1] - 1) * shape.bits // 8
            b_steps, b_width = (*b_steps[:3], -b_steps[3]), -1  # from the last tap backwards
        o_part = shape.planes * shape.out[0] * shape.out[1]
        values = (
            0, 0, 0, 0, shape.groups, shape.ps, shape.qs, shape.terms, *shape.size, *shape.kernel,
            *shape.out, *shape.corner, *a_steps, *b_steps, b_width, o_part, *o_steps,
            division.band, division.bands, division.share, division.shares,
        )  # fmt: skip
        self._fields = ctypes.c_int64 * len(values)
        self._template = bytes(self._fields(*values))

    def run(self, a: Tensor, b: Tensor) -> Tensor:
        """Correlate dense operands."""
        fields = self._fields.from_buffer_copy(self._template)
        return self._run(a, b, fields)

    def run_strided(self, a: Tensor, b: Tensor, read_b: bool = False) -> Tensor:
        """Correlate operands whose rows are dense; b has any strides where `read_b` says so."""
        fields = self._fields.from_buffer_copy(self._template)
        fields[16:20] = list(self._axes[0].steps(a.stride()))
        if read_b:
            fields[20:24] = list(self._axes[1].steps(b.stride()))
        return self._run(a, b, fields)

    def _run(self, a: Tensor, b: Tensor, fields: ctypes.Array[ctypes.c_int64]) -> Tensor:
        parts = self._parts
        # The starred form takes two thirds of the time that a tuple takes.
        out = a.new_empty(*self._result) if parts == 1 else a.new_empty(parts, *self._result)
        fields[1] = a.data_ptr()
        fields[2] = b.data_ptr() + self._b_offset
        fields[3] = out.data_ptr()
        if self._serial:
            self._call(addressof(fields))
        else:
            runner()(self._address, addressof(fields), torch.get_num_threads())
        return out if parts == 1 else out.sum(0)


def _dense(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the strides of a dense tensor."""
    _, channels, height, width = shape
    return channels * height * width, height * width, width, 1
