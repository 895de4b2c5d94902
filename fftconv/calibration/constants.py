"""What a machine needs for each kind of work: seconds, by which methods predict theirs."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fftconv.geometry import Pair

SCHEMA = 7
#: One side of the tiles that show what the other side costs.
STRIP = 128


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds per multiply-add of torch's convolution, by the side of the filter.

    ``channels`` are (channels per group of the input, of the output, groups).
    """

    channels: tuple[int, int, int]
    sides: tuple[int, ...]
    forward: tuple[float, ...]
    grad_input: tuple[float, ...]
    grad_weight: tuple[float, ...]


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds of a call beside its work, of the forward pass and of a gradient."""

    forward: float
    gradient: float


class Tile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds per pixel of the way of a real tile, there or back.

    There it is cut and transformed, back it is transformed and put in place; this is the mean.
    ``wide`` is of a tile of `STRIP` rows with `side` columns, ``tall`` of one of `side` rows with
    `STRIP` columns, ``square`` of one with as many rows as columns.
    """

    side: int
    wide: float
    tall: float
    square: float


class Dense(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds of correlations of many channels (`overlap_save.many_channels.cost`).

    Attributes
    ----------
    product
        Per complex multiply-add of the products of spectra.
    transform
        Per channel and step of a tile's transform.
    filter
        Per byte of a weight's spectra that are made anew.
    """

    product: float
    transform: float
    filter: float


class Generated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds of the way of a tile by generated transforms, there or back.

    Per pixel and step of its logarithm: ``near`` of tiles that the first cache holds, ``far`` of
    those that it does not.
    """

    near: float
    far: float


class Products(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds of torch's products of matrices (`fftconv.methods.matmul.cost`).

    Attributes
    ----------
    spread
        Per multiply-add of filters and columns.
    gathered
        Per multiply-add of a weight's gradient, whose sums are as long as there are columns.
    number
        Per number of the operands and of the result.
    """

    spread: float
    gathered: float
    number: float


class Precision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Everything that depends on the dtype.

    Attributes
    ----------
    native
        Rates of torch's convolution for several numbers of channels.
    compiled
        Thread-seconds for one of each count of `fftconv.methods.compiled.division.Work`.
    tiles
        By increasing side.
    product
        Thread-seconds per pixel of a tile whose spectrum is multiplied by another and added.
    plane, filter, matrix
        Thread-seconds of a product of many tiles' spectra over channels: per complex number of a
        plane of tiles, per one of a filter, and per multiply-add.
    copy
        Thread-seconds per element of a plane that is cut out or put back.
    dense
        Of correlations of many channels.
    generated
        Of tiles by generated transforms, None where they were not measured.
    products
        Of matrices, None where they were not measured.
    """

    native: tuple[Rate, ...]
    compiled: tuple[float, float, float, float, float, float]
    tiles: tuple[Tile, ...]
    product: float
    plane: float
    filter: float
    matrix: float
    copy: float
    dense: Dense
    generated: Generated | None = None
    products: Products | None = None

    @cached_property
    def trips(self) -> dict[Pair, float]:
        """What `fftconv.methods.overlap_save.cost.trip` found for tiles: plans ask again and again.

        Kept here, it is forgotten with the constants that it follows from.
        """
        return {}


class NewMemory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds per byte of filling memory that the system has just handed out.

    ``small`` in its pages, each a fault; ``large`` where large pages were asked for.
    """

    small: float
    large: float


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The constants of one machine.

    ``native_call``, ``onednn_call``, ``compiled_call`` and ``fft_call`` are seconds per call of
    each backend: torch's own kernels, those that it leaves to oneDNN, numba's, transforms.
    ``onednn_filter`` is thread-seconds per number of a filter that oneDNN brings into its order,
    ``new_memory`` what large results cost beside their numbers.
    """

    schema: int
    processor: str
    threads: int
    torch: str
    native_call: Call
    onednn_call: Call
    onednn_filter: float
    compiled_call: float
    fft_call: float
    new_memory: NewMemory
    float32: Precision
    float64: Precision

    def precision(self, item_bytes: int) -> Precision:
        """Return the constants for elements of 4 or 8 bytes."""
        return self.float32 if item_bytes == 4 else self.float64


def check(machine: Machine) -> None:
    """Check what predictions take for granted of constants that somebody may have written by hand.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or sizes do not increase or have no figures.
    """
    for number in _numbers(msgspec.to_builtins(machine)):
        if not isfinite(number) or number < 0:
            raise ValueError(f"it has the number {number}, where none is below 0 or infinite")
    for name in ("float32", "float64"):
        precision: Precision = getattr(machine, name)
        if not precision.native:
            raise ValueError(f"{name} has no rates of torch's convolution")
        for rate in precision.native:
            _check_sizes(f"sides of {name}'s native {rate.channels}", rate.sides)
            figures = rate.forward, rate.grad_input, rate.grad_weight
            if any(len(of) != len(rate.sides) for of in figures):
                raise ValueError(f"{name}'s native {rate.channels} has no figure for each side")
        _check_sizes(f"sides of {name}'s tiles", [tile.side for tile in precision.tiles])


def _check_sizes(what: str, sizes: Sequence[int]) -> None:
    if len(sizes) < 2 or sizes[0] < 1 or any(low >= high for low, high in pairwise(sizes)):
        raise ValueError(f"{what} must be two at least, and increase from 1 on: {[*sizes]}")


def _numbers(value: object) -> Iterator[float]:
    """Yield all numbers in what JSON is made of."""
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _numbers(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _numbers(part)
