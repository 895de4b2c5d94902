"""What a machine needs for each kind of work: seconds, by which methods predict theirs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
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
