"""Jobs: a shape of correlations, the compiled function for it, and its run on torch's threads."""

from __future__ import annotations

import ctypes
from ctypes import addressof
from typing import TYPE_CHECKING

import torch

from fftconv.kernels import entry
from fftconv.kernels.division import Shape, divide
from fftconv.kernels.pool import CALL, runner

if TYPE_CHECKING:
    from torch import Tensor


class Job:
    """A shape with its function and its division into pieces, ready to run on any operands."""

    def __init__(self, shape: Shape) -> None:
        division = divide(shape)
        if division.form == "dot":
            function = entry.dot(shape.bits, division.rows, division.columns)
        else:
            function = entry.broadcast(shape.bits, division.rows, division.size)
        b_steps, self._b_offset = shape.b_steps, 0
        #: Whether the caller has to reverse b: these functions read dense taps forwards only.
        self.needs_flip = shape.flipped and (division.form == "dot" or division.size > 0)
        if shape.flipped and not self.needs_flip:
            *outer, b_h, b_w = shape.b_steps
            b_steps = (outer[0], outer[1], outer[2], -b_h, -b_w)  # from the last tap backwards
            last = (shape.kernel[0] - 1) * b_h + (shape.kernel[1] - 1) * b_w
            self._b_offset = last * shape.bits // 8
        self._serial = division.serial
        self._parts = division.parts
        self._address = function.address
        self._call = CALL(function.address)
        o_part = shape.planes * shape.out[0] * shape.out[1]
        values = (
            0, 0, 0, 0, shape.groups, shape.ps, shape.qs, shape.terms, *shape.size, *shape.kernel,
            *shape.out, *shape.corner, *shape.a_steps, *b_steps, o_part, *shape.o_steps,
            division.band, division.bands, division.share, division.shares,
        )  # fmt: skip
        self._fields = ctypes.c_int64 * len(values)
        self._template = bytes(self._fields(*values))

    def run(self, a: Tensor, b: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Correlate operands with the strides of the job's shape; return a tensor of `shape`."""
        parts = self._parts
        # The starred form takes two thirds of the time that a tuple takes.
        out = a.new_empty(*shape) if parts == 1 else a.new_empty(parts, *shape)
        fields = self._fields.from_buffer_copy(self._template)
        fields[1] = a.data_ptr()
        fields[2] = b.data_ptr() + self._b_offset
        fields[3] = out.data_ptr()
        if self._serial:
            self._call(addressof(fields))
        else:
            runner()(self._address, addressof(fields), torch.get_num_threads())
        return out if parts == 1 else out.sum(0)
