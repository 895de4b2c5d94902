"""Cross-correlation of stacks of planes: which compiled function, how cut up, on which threads."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from fftconv.kernels import entry
from fftconv.kernels.pool import runner

#: Multiply-adds below which a second thread costs more than it brings.
SERIAL_MACS = 300_000
#: Pieces per job that are aimed at, so that threads finish together; a constant, so that the
#: order of summation does not depend on the number of threads.
PIECES = 16


@dataclass(frozen=True)
class Shape:
    """Sizes and strides (in elements) of one stack of correlations; see `entry.FIELDS`.

    ``flipped`` reverses the rows and columns of b.
    """

    bits: int
    groups: int
    ps: int
    qs: int
    terms: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    out: tuple[int, int]
    corner: tuple[int, int]
    a_steps: tuple[int, int, int, int]
    b_steps: tuple[int, int, int, int, int]
    o_steps: tuple[int, int, int, int]
    flipped: bool = False


class Job:
    """A shape with its function and its division into pieces; `run` fills in the addresses."""

    def __init__(self, shape: Shape) -> None:
        self.parts = 1
        self.uses_dot = _prefers_dot(shape)
        macs = (
            shape.groups * shape.ps * shape.qs * shape.terms
            * shape.out[0] * shape.out[1] * shape.kernel[0] * shape.kernel[1]
        )  # fmt: skip
        self.serial = macs < SERIAL_MACS
        planes = shape.groups * shape.ps * shape.qs
        cuts = 1 if self.serial else -(-PIECES // planes)
        size = 0
        if self.uses_dot:
            rows, columns = _dot_tile(shape)
            function = entry.dot(shape.bits, rows, columns)
            total = shape.size[0]
            shares = min(shape.terms, cuts)
            share = -(-shape.terms // shares)
            shares = -(-shape.terms // share)
            cuts = -(-cuts // shares)
            # A band of both operands is to stay in the second-level cache.
            wanted = max(cuts, total * shape.size[1] * shape.bits // 8 >> 18)
            band = max(4, -(-total // wanted))
            self.parts = -(-total // band) * shares
        else:
            # A block of rows may be one row higher than the filter.
            fits = min(shape.out[0], shape.kernel[0] + 1)
            rows = 4 if fits >= 4 else 2 if fits >= 2 else 1
            square = rows == 4 and shape.kernel[0] == shape.kernel[1] and not (shape.flipped and self.serial)
            size = shape.kernel[0] if square and shape.kernel[0] in entry.UNROLLED else 0
            function = entry.broadcast(shape.bits, rows, size)
            total = shape.out[0]
            blocks = -(-total // rows)
            band = -(-blocks // min(blocks, cuts)) * rows
            share = shares = 1
        b_steps, self.b_offset = shape.b_steps, 0
        #: Whether the caller has to reverse b: these functions read dense taps forwards only.
        self.needs_flip = shape.flipped and (self.uses_dot or size > 0)
        if shape.flipped and not self.needs_flip:
            *outer, b_h, b_w = shape.b_steps
            b_steps = (*outer, -b_h, -b_w)  # from the last element backwards
            last = (shape.kernel[0] - 1) * b_h + (shape.kernel[1] - 1) * b_w
            self.b_offset = last * shape.bits // 8
        self.function = function.address
        o_part = planes * shape.out[0] * shape.out[1]
        fields = (
            0, 0, 0, 0, shape.groups, shape.ps, shape.qs, shape.terms, *shape.size, *shape.kernel,
            *shape.out, *shape.corner, *shape.a_steps, *b_steps, o_part, *shape.o_steps,
            band, -(-total // band), share, shares,
        )  # fmt: skip
        self._kind = ctypes.c_int64 * len(fields)
        self._template = bytes(self._kind(*fields))

    def run(self, a: int, b: int, out: int) -> None:
        """Work on operands at these addresses."""
        fields = self._kind.from_buffer_copy(self._template)
        fields[1] = a
        fields[2] = b + self.b_offset
        fields[3] = out
        threads = 1 if self.serial else torch.get_num_threads()
        runner()(self.function, ctypes.addressof(fields), threads)


def _dot_tile(shape: Shape) -> tuple[int, int]:
    """Return the rows and columns of the tiles that cover the output with the least work."""

    def side(size: int, limit: int) -> int:
        sides = range(min(entry.DOT_SIDE, size, limit), 0, -1)
        return min(sides, key=lambda n: -(-size // n) * (n + 1))

    # A tile may be one row higher than b.
    return side(shape.out[0], shape.kernel[0] + 1), side(shape.out[1], entry.DOT_SIDE)


def _prefers_dot(shape: Shape) -> bool:
    """Compare the vector multiply-adds of the two forms, what they waste at the edges included."""
    lanes = entry.VECTOR_BYTES * 8 // shape.bits
    full, rest = divmod(-(-shape.out[1] // lanes), entry.WIDE)
    # A tile of one or two vectors has too few accumulators to keep the processor busy.
    vectors = full * entry.WIDE + (0, 1.8, 2.5, 4)[rest]
    wide = vectors * shape.out[0] * shape.kernel[0] * shape.kernel[1]
    rows, columns = _dot_tile(shape)
    outputs = -(-shape.out[0] // rows) * rows * -(-shape.out[1] // columns) * columns
    # Two vectors' worth for the masked end of each row, twenty for the sum over the lanes.
    tall = outputs * (shape.kernel[0] * (-(-shape.kernel[1] // lanes) + 2) + 20)
    return tall < wide


@lru_cache(maxsize=4096)
def job(shape: Shape) -> Job:
    """Return the job for a shape, kept."""
    return Job(shape)
