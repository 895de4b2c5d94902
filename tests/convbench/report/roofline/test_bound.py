"""The limit of a cell, by hand: which resource it is, and that it is the least."""

import pytest

from convbench.limits.bound import Work, bound
from convbench.limits.machine import COPY, MULTIPLY, TRANSFORM, Limits, read_limits
from convbench.report.roofline.points import known_work
from convbench.results.grid import View
from convbench.results.store import Record, Run

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
    found = bound(work(size=1024, taps=1), LIMITS)
    assert found.limited_by == "bandwidth"
    assert found.seconds == pytest.approx(4 * (2 * 1024 * 1024 + 1) / 1e9)


def test_a_large_filter_is_limited_by_the_cheapest_tile() -> None:
    # 64x64 runs at the rate of its nearest smaller size, which is high enough for it to win.
    fast = Limits(LIMITS.copy_s, LIMITS.flops_per_s, {"float32": {64: 1e-7, 16: 1e-3}})
    found = bound(work(size=64, taps=33), fast)
    assert found.tile == (64, 64)
    assert found.limited_by == "transforms 64x64"
    rate = 2.5 * 64 * 64 * 12 / 1e-7
    # Input whole; of the output 32 of 64 rows are wanted, of the filter 33 are not zero.
    transforms = 2.5 * 64 * 64 * 6 * ((1 + 1) + (1 + 32 / 64) + (1 + 33 / 64)) / rate
    products = 64 * 33 * 6 / 1e9
    assert found.transform_s == pytest.approx(transforms + products)


DENSE = {"in_channels": 64, "out_channels": 64, "batch": 2}


def test_many_channels_are_limited_by_winograds_tiles() -> None:
    found = bound(work(**DENSE), LIMITS)
    # 62 outputs are 16 tiles of four a side; in each channel 12 transforms of 13 operations there,
    # 10 of 9 back, of each filter 9 of 8.
    tiles, filters = 2 * 16 * 16, 64 * 64
    transforms = 64 * tiles * (156 + 90) + 72 * filters
    assert found.limited_by == "Winograd"
    assert found.seconds == pytest.approx((transforms + 2 * 36 * tiles * filters) / 1e9)
    both = bound(work(backward=True, **DENSE), LIMITS)
    # As many products twice; what is transformed for each is alike.
    assert both.winograd_s == pytest.approx(2 * found.seconds, rel=0.05)


@pytest.mark.parametrize("taps", [1, 6, 7])
def test_winograds_tiles_are_for_filters_of_two_to_five_taps(taps: int) -> None:
    assert bound(work(taps=taps, **DENSE), LIMITS).winograd_s == float("inf")
    mixed = work(taps=3, kernel_size=(3, taps), **DENSE)
    assert bound(mixed, LIMITS).winograd_s == float("inf")


def test_tiles_are_cut_where_that_is_cheaper() -> None:
    # What fits into 64x64 is fast; larger transforms are slow.
    sizes = {"float32": {64: 1e-6, 128: 1.0, 256: 5.0}}
    found = bound(work(size=256, taps=31), Limits(LIMITS.copy_s, {"float32": 1e15}, sizes))
    assert max(found.tile) < 256
    assert min(found.tile) >= 31


def test_no_tile_is_smaller_than_the_filter() -> None:
    found = bound(work(size=40, taps=40), LIMITS)
    assert found.tile == (40, 40)


def test_bandwidth_is_the_best_from_the_next_smaller_copy_up() -> None:
    assert LIMITS.bytes_per_s(10) == pytest.approx(1e10)
    assert LIMITS.bytes_per_s(2e3) == pytest.approx(1e10)
    assert LIMITS.bytes_per_s(1e5) == pytest.approx(1e10)  # a cache may end anywhere between
    assert LIMITS.bytes_per_s(2e6) == pytest.approx(1e9)
    assert LIMITS.bytes_per_s(1e12) == pytest.approx(1e9)
    # A copy of 1 KB that was mostly overhead: what 1 MB reached holds for it too.
    slow = Limits({10**3: 1e-3, 10**6: 2e-3}, {}, {})
    assert slow.bytes_per_s(10) == pytest.approx(1e9)


def test_transforms_are_bounded_by_the_fastest_near_and_above() -> None:
    limits = Limits({}, {}, {"float32": {16: 1e-6, 64: 1e-3}})
    small, large = 2.5 * 256 * 8 / 1e-6, 2.5 * 4096 * 12 / 1e-3
    assert limits.transform_flops_per_s("float32", 8) == pytest.approx(small)
    assert limits.transform_flops_per_s("float32", 63) == pytest.approx(small)
    assert limits.transform_flops_per_s("float32", 100) == pytest.approx(large)


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
        Record(MULTIPLY, {"dtype": "float32"}, 1.0, None, None),
        Record(TRANSFORM, {"dtype": "float32", "size": 64}, 1e-5, None, None),
    )
    run = Run("m", "c" * 40, 0, "env", {}, "3.11", records)
    assert read_limits(run) == Limits({1000: 2e-6}, {"float32": 2e9}, {"float32": {64: 1e-5}})
    assert read_limits(Run("m", "c" * 40, 0, "env", {}, "3.11", records[:2])) is None
