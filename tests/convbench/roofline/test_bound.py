"""The limit of a cell, by hand: which resource it is, and that it is the least."""

import math

import pytest

from convbench.cells import View
from convbench.roofline.bound import Work, bound
from convbench.roofline.limits import COPY, PRODUCT, TRANSFORM, Limits, read_limits
from convbench.roofline.points import known_work
from convbench.store import Record, Run

# 1 GB/s from memory and 10 GB/s from cache; 1 GFLOP/s; a transform takes 1 us a pixel.
SLOW_TRANSFORMS = {size: size**2 * 1e-6 for size in (16, 64)}
LIMITS = Limits(
    copy_s={10**3: 2e-7, 10**6: 2e-3},
    flops_per_s={"float32": 1e9},
    transform_s={"float32": SLOW_TRANSFORMS},
)


def work(size: int = 64, taps: int = 3, **changes: object) -> Work:
    out = size - taps + 1
    fields = {
        "batch": 1,
        "in_channels": 1,
        "out_channels": 1,
        "groups": 1,
        "input_size": (size, size),
        "kernel_size": (taps, taps),
        "output_size": (out, out),
        "backward": False,
        "dtype": "float32",
        **changes,
    }
    return Work(**fields)  # type: ignore[arg-type]


def test_operations_and_bytes_of_one_image() -> None:
    one = work()
    assert one.flops == 2 * 9 * 62 * 62
    assert one.bytes == 4 * (64 * 64 + 9 + 62 * 62)
    both = work(backward=True)
    assert both.flops == 2 * one.flops
    assert both.bytes == one.bytes + 4 * (64 * 64 + 9)


def test_operations_of_grouped_channels() -> None:
    sizes = {"batch": 2, "in_channels": 6, "out_channels": 4}
    assert work(**sizes).pairs == 24
    assert work(groups=2, **sizes).pairs == 12
    assert work(groups=2, **sizes).flops == 2 * 2 * 12 * 9 * 62 * 62
    assert work(groups=2, **sizes).bytes == 4 * (2 * 6 * 64 * 64 + 12 * 9 + 2 * 4 * 62 * 62)


def test_a_small_filter_is_limited_by_multiply_adds() -> None:
    found = bound(work(), LIMITS)
    assert found.limited_by == "multiply-adds"
    assert found.seconds == pytest.approx(2 * 9 * 62 * 62 / 1e9)


def test_one_tap_is_limited_by_bandwidth() -> None:
    found = bound(work(taps=1), LIMITS)
    assert found.limited_by == "bandwidth"
    assert found.seconds == pytest.approx(4 * (2 * 64 * 64 + 1) / 1e9)


def test_a_large_filter_is_limited_by_the_cheapest_tile() -> None:
    fast = Limits(LIMITS.copy_s, LIMITS.flops_per_s, {"float32": {32: 1e-6, 64: 1e-4, 16: 1e-9}})
    found = bound(work(taps=20), fast)
    assert found.limited_by == "transforms of 32"  # 16 is smaller than the filter
    tiles = math.ceil(45 / 13) ** 2
    products = tiles * 32 * 17 * 8 / 1e9
    assert found.transform_s == pytest.approx((2 * tiles + 1) * 1e-6 + products)


def test_no_tile_may_be_large_enough() -> None:
    small = Limits(LIMITS.copy_s, LIMITS.flops_per_s, {"float32": {16: 1e-9}})
    found = bound(work(taps=20), small)
    assert found.tile is None
    assert found.limited_by == "multiply-adds"


def test_bandwidth_follows_size_and_overhead_does_not_count() -> None:
    assert LIMITS.bytes_per_s(2e3) == pytest.approx(1e10)
    assert LIMITS.bytes_per_s(2e6) == pytest.approx(1e9)
    assert LIMITS.bytes_per_s(1e12) == pytest.approx(1e9)
    # A copy of 1 KB that was mostly overhead: what 1 MB reached holds for it too.
    slow = Limits({10**3: 1e-3, 10**6: 2e-3}, {}, {})
    assert slow.bytes_per_s(10) == pytest.approx(1e9)


def test_work_of_images_and_layers() -> None:
    view = View("conv2d", "forward", "float32", "contiguous")
    at = {"method": "fft", "filter": 3}
    assert known_work(view, {**at, "input": 64}) == work()
    assert known_work(view, {"method": "fft", "input/filter": "64/3"}) == work()
    layer = known_work(view, {**at, "layer": "depthwise RGB"})
    assert layer is not None
    assert (layer.groups, layer.pairs, layer.output_size) == (3, 3, (224, 224))
    assert known_work(view, {**at, "shape": "unheard of"}) is None


def test_limits_are_read_from_a_run() -> None:
    records = (
        Record(COPY, {"bytes": 1000}, 2e-6, None, None),
        Record(PRODUCT, {"dtype": "float32", "size": 100}, 1e-3, None, None),
        Record(TRANSFORM, {"dtype": "float32", "size": 64}, 1e-5, None, None),
    )
    run = Run("m", "c" * 40, 0, "env", {}, "3.11", records)
    assert read_limits(run) == Limits({1000: 2e-6}, {"float32": 2e9}, {"float32": {64: 1e-5}})
    assert read_limits(Run("m", "c" * 40, 0, "env", {}, "3.11", records[:2])) is None
