"""Predicted seconds of the matrix products: calls, multiply-adds, numbers read and written."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from fftconv.calibration.constants import Products
from fftconv.geometry import area
from fftconv.methods.matmul.patches import at_a_time, do_overlap, how_many, is_pointwise, taps
from fftconv.methods.new_memory import results_s

if TYPE_CHECKING:
    from fftconv.calibration.constants import Machine
    from fftconv.geometry import Geometry
    from fftconv.methods.maps import Map

#: Channels at which the product is no longer held up by what is read for it.
MANY = (64, 64, 1)
#: What a multiply-add of a weight's gradient takes of one of the forward pass, and a number of a
#: product of a copied one, where nobody has measured (Xeon).
GATHERED, NUMBER = 1.2, 0.3
#: Torch's way through its operations, in calls of a compiled kernel, which are Python's work, too:
#: 8 to 14 us of one image, 18 to 25 of several, 32 to 61 of patches, where such a call takes 2.2
#: (Xeon).
IMAGE_CALLS, BATCH_CALLS, PATCH_CALLS = 5, 9, 18
#: Copies in order that laying out a number of a column takes as long as, of patches side by side
#: and of those that overlap, and a row of numbers, of which each tap has one for a row of the
#: output. (7 to 112 wide, 1x1 to 16x16, Xeon; of eight images, whose columns are new memory, 8.)
PATCHED, OVERLAPPED, ROW = 2, 4, 60
#: Thread-seconds per number of a filter that the library brings into its order for each product.
#: (512 to 4608 rows, 49 to 196 columns, a Xeon: 4e-10 to 8e-10.)
PACKED_S = 6e-10


def seconds(
    name: Map, geometry: Geometry, item_bytes: int, machine: Machine, threads: int
) -> float:
    """Predict one map."""
    products, copy = of(machine, item_bytes), machine.precision(item_bytes).copy
    (spread, gathered, numbers), packed = counts(name, geometry)
    work = spread * products.spread + gathered * products.gathered
    work += numbers * products.number + packed * PACKED_S
    calls = IMAGE_CALLS if geometry.batch == 1 else BATCH_CALLS
    if not is_pointwise(geometry):
        calls = PATCH_CALLS
        each = ROW / geometry.output_size[1]
        each += OVERLAPPED if do_overlap(geometry) else PATCHED
        # Each tap's share of an input's gradient is read, added, written.
        laid_out = 2 if name == "grad_input" and do_overlap(geometry) else 1
        work += laid_out * each * _columns(geometry) * copy
    new = results_s([name], geometry, item_bytes, machine, threads)
    return calls * machine.compiled_call + work / threads + new


def counts(name: Map, geometry: Geometry) -> tuple[tuple[int, int, int], int]:
    """Return how much there is of what each of `Products` is for, and the filters' numbers packed.

    Each block of patches reads the filters anew, or adds to the weight's gradient.
    """
    filters = prod(geometry.weight_shape)
    if not is_pointwise(geometry):
        filters *= how_many(geometry)
    if name == "grad_weight":
        return (0, geometry.macs, geometry.numbers + filters), 0
    return (geometry.macs, 0, geometry.numbers), filters


def of(machine: Machine, item_bytes: int) -> Products:
    """Return what products take on a machine.

    Where nobody has measured it, they are what torch's own convolution in float64 is of 1x1
    filters, and twice as fast in half as many bytes.
    """
    precision = machine.precision(item_bytes)
    if precision.products is not None:
        return precision.products
    rates = machine.float64.native
    double = next((rate for rate in rates if rate.channels == MANY), rates[-1])
    per_mac = double.forward[0] * machine.threads * item_bytes / 8
    return Products(per_mac, GATHERED * per_mac, NUMBER * precision.copy)


def extra_numbers(geometry: Geometry) -> int:
    """Return how many numbers a map lays out beside its operands and its result."""
    if is_pointwise(geometry):
        return geometry.numbers  # side by side, where there are few pixels
    return geometry.numbers + min(_columns(geometry), at_a_time(geometry))


def _columns(geometry: Geometry) -> int:
    return geometry.batch * area(geometry.output_size) * taps(geometry)
