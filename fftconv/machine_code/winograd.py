"""Winograd's minimal filtering for tiles of six numbers, as straight lines.

A tile and a filter are polynomials. Both are evaluated at five points and at infinity, the values
are multiplied one by one, and the product's coefficients follow from them: six real products for
four outputs of three taps, where the direct sum has twelve. (S. Winograd, Arithmetic Complexity of
Computations, 1980; for the layers of networks A. Lavin and S. Gray, Fast Algorithms for
Convolutional Neural Networks, 2016.)

The correlation of a tile is the transpose of that product, so the tile goes the transposed way back
(`of_tile`), and outputs the transposed way there (`back`). A gradient of taps sums what tiles and
gradients of outputs make, the latter evaluated as taps are.

What is rounded on the way is enlarged, the less so the better the points lie. With 0, 1, -1, 2, -2,
as in the paper, results of 256 channels have twenty to thirty times the error of direct sums in
float32; with these, each one's inverse among them, four to six times, before sums are parted. (The
least that symmetric points can have is 0.95 of it, for 0.65 and 1.54.)
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fftconv.machine_code.arithmetic import Arithmetic, Number

#: Numbers of a tile, and of its values.
LENGTH = 6
#: The points beside 0 and infinity, each with both signs.
POINTS = sqrt(0.5), sqrt(2.0)


def of_tile(e: Arithmetic, x: list[Number]) -> list[Number]:
    """Return a tile's share at zero, at each point and its negative, and at infinity."""
    total = sum(point**2 for point in POINTS)
    # The points' squares have the product 1.
    out = [e.scale_add(x[2], -total, e.add(x[0], x[4]))]
    for point, other in (POINTS, POINTS[::-1]):
        share = 1 / (2 * point**2 * (point**2 - other**2))
        even = e.scale(e.scale_add(x[2], -(other**2), x[4]), share)
        odd = e.scale_add(x[1], -(other**2), x[3])
        out += [e.scale_add(odd, point * share, even), e.scale_add(odd, -point * share, even)]
    return [*out, e.scale_add(x[3], -total, e.add(x[1], x[5]))]


def of_taps(e: Arithmetic, x: list[Number]) -> list[Number]:
    """Return the values of two to five taps, or outputs, in the same order."""
    out = [x[0]]
    for point in POINTS:
        even = odd = None
        for power, number in reversed(list(enumerate(x))):
            if power % 2:
                odd = e.scale_add(number, point**power, odd)
            else:
                even = e.scale_add(number, point**power, even)
        out += [e.add(even, odd), e.subtract(even, odd)]
    return [*out, x[-1]]


def back(e: Arithmetic, values: list[Number], count: int) -> list[Number]:
    """Return as many outputs, or taps, from products of values."""
    first, *others, beyond = values
    pairs = [others[0:2], others[2:4]]
    sums = [e.add(*pair) for pair in pairs]
    differences = [e.subtract(*pair) for pair in pairs]
    out = []
    for power in range(count):
        total = first if power == 0 else None
        for point, part in zip(POINTS, differences if power % 2 else sums, strict=True):
            total = e.scale_add(part, point**power, total)
        out.append(e.add(total, beyond) if power == count - 1 else total)
    return out
