"""The products of a matrix of filters and one of patches, for the images of a block.

Either each image has a product of its own, or the images stand side by side in one: they have to be
copied there, but a product of few columns reads its filters as often as there are images.

A stack is (N, rows, columns), or (N, groups, rows, columns) where there are several groups; of a
batch of one it has no N, since each step through torch counts between a network's layers. Filters
are (M, rows) or (groups, M, rows).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch
from torch.backends import mkldnn

from fftconv.calibration.between import CACHED
from fftconv.machine_code.pages import LARGE_BYTES, new

if TYPE_CHECKING:
    from torch import Tensor

#: Ways in which torch may be told to multiply float32's matrices, which its convolution is not.
_INEXACT = ("bf16", "tf32")

#: Columns of an image from which on it has a product of its own. (512 to 2048 channels, eight
#: images of 7x7, 1x1 filters, two threads of a Xeon: 4.3 ms each by itself, 3.8 side by side; 256
#: to 1024 of 14x14: 3.2 and 3.7.)
OWN_PRODUCT = 128
#: Rows up to which those of fewer come first in a product over many columns, of operands that
#: caches hold and of others; with as many, those of more. (2 to 24 rows by 16 to 256, 784 to 16384
#: columns: the other order takes 2 to 7 times as long below eight rows, on one thread and two, and
#: 1.1 to 2.7 times from 16 to 32 rows, on one. Xeon, with its AVX2 alone, too.)
FEW_ROWS, FEW_ROWS_BEYOND = 16, 8
#: Rows of the smaller factor beyond which the order hardly matters, and columns below which there
#: is less to gain than the result takes to be turned.
SOME_ROWS, MANY_COLUMNS = 32, 512


def are_inexact() -> bool:
    """Whether products of float32 are less exact than float32 just now.

    As after ``torch.set_float32_matmul_precision("medium")``, which does nothing to convolutions.
    """
    precision = mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]
    return precision in _INEXACT


def spread(filters: Tensor, stack: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply filters by each matrix of a stack, and add a number to each row: a stack again.

    `bias` is a column for each matrix of filters.
    """
    if stack.dim() == filters.dim():
        return _product(filters, stack, bias)
    images, columns = stack.shape[0], stack.shape[-1]
    if columns < OWN_PRODUCT:
        beside = _product(filters, _side_by_side(stack), bias)
        apart: Tensor = beside.unflatten(-1, (images, columns)).movedim(-2, 0)
        return apart.contiguous()
    if filters.dim() == 2:
        return _product(filters.expand(images, -1, -1), stack, bias)
    y = torch.matmul(filters, stack, out=_large_pages(filters, stack))
    return y if bias is None else y.add_(bias)


def _product(filters: Tensor, columns: Tensor, bias: Tensor | None) -> Tensor:
    """Multiply two matrices, or as many pairs of them; with a bias in one call."""
    y = _large_pages(filters, columns)
    if columns.dim() == 2:
        if bias is None:
            return torch.mm(filters, columns, out=y)
        return torch.addmm(bias, filters, columns, out=y)
    if bias is None:
        return torch.bmm(filters, columns, out=y)
    return torch.baddbmm(bias, filters, columns, out=y)


def _large_pages(filters: Tensor, columns: Tensor) -> Tensor | None:
    """Return room for a product that is worth asking for large pages for."""
    shape = *columns.shape[:-2], filters.shape[-2], columns.shape[-1]
    if prod(shape) * columns.itemsize < LARGE_BYTES:
        return None
    return new(columns, shape)


def gathered(a: Tensor, b: Tensor, matrices: int) -> Tensor:
    """Multiply the rows of a stack by those of another, summed over images.

    The result has `matrices` dimensions, as filters have, and is contiguous.
    """
    if _comes_second(a, b, matrices):
        return gathered(b, a, matrices).transpose(-1, -2).contiguous()
    if a.dim() == matrices:
        return torch.matmul(a, b.transpose(-1, -2))
    rows, columns = (a.shape[-2], b.shape[-2]), a.shape[-1]
    if rows[0] * rows[1] > sum(rows) * columns:  # results would take longer to add up than to make
        return torch.matmul(_side_by_side(a), _side_by_side(b).transpose(-1, -2))
    return torch.matmul(a, b.transpose(-1, -2)).sum(0)


def _comes_second(a: Tensor, b: Tensor, matrices: int) -> bool:
    """Whether the library is faster with the rows of b first (`FEW_ROWS`)."""
    rows, others = a.shape[-2], b.shape[-2]
    fewer, columns = min(rows, others), a.shape[-1]
    if a.dim() > matrices:
        columns *= a.shape[0]  # of all images, which are summed
    if fewer > SOME_ROWS or columns < MANY_COLUMNS:
        return False
    beyond = max(rows, others) * a.shape[-1] * a.itemsize > CACHED * torch.get_num_threads()
    few = fewer < (FEW_ROWS_BEYOND if beyond else FEW_ROWS)
    return rows > others if few else rows < others


def _side_by_side(stack: Tensor) -> Tensor:
    """Lay out a stack as one matrix for each group."""
    return stack.movedim(0, -2).flatten(-2)
