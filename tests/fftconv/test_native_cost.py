"""Which kernels torch takes for a convolution, and what their predictions count."""

import msgspec
import pytest
import torch
import torch.nn.functional as F

import fftconv
from fftconv.calibration.constants import Call, NewMemory
from fftconv.calibration.machine import Machine
from fftconv.geometry import Geometry
from fftconv.machine_code.target import target
from fftconv.methods.maps import GRADIENTS, MAPS, Map
from fftconv.methods.native import cost

CASES = {
    "few numbers": ((1, 3, 14, 14), (16, 3, 3, 3), 1, 1),
    "a filter of five": ((1, 3, 14, 14), (16, 3, 5, 5), 1, 1),
    "a row": ((1, 3, 14, 14), (16, 3, 1, 5), 1, 1),
    "two images": ((2, 1, 8, 8), (1, 1, 3, 3), 1, 1),
    "groups": ((1, 4, 8, 8), (4, 1, 3, 3), 4, 1),
    "many numbers": ((1, 1, 160, 160), (1, 1, 3, 3), 1, 1),
    "1x1": ((2, 8, 64, 64), (8, 8, 1, 1), 1, 1),
    "1x1 of many images": ((16, 2, 40, 40), (8, 2, 1, 1), 1, 1),
    "1x1 with stride": ((2, 8, 64, 64), (8, 8, 1, 1), 1, 2),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_torch_goes_where_we_think(case: str, dtype: torch.dtype, threads: int) -> None:
    input_shape, weight_shape, groups, stride = CASES[case]
    geometry = Geometry.of(input_shape, weight_shape, groups=groups, stride=stride)
    x, w = torch.ones(input_shape, dtype=dtype), torch.ones(weight_shape, dtype=dtype)
    torch.set_num_threads(threads)
    with torch.profiler.profile() as profile:
        F.conv2d(x, w, groups=groups, stride=stride)
    took = {event.key for event in profile.key_averages()}
    expected = cost.by_onednn(geometry, dtype.itemsize, threads)
    assert ("aten::mkldnn_convolution" in took) == expected


def test_without_onednn_torchs_own_kernels_are_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Geometry.of((2, 8, 32, 32), (8, 8, 5, 5))
    assert cost.by_onednn(case, 4, 2) == torch.backends.mkldnn.is_available()
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not cost.by_onednn(case, 4, 2)


@pytest.mark.parametrize(
    ("weight_shape", "groups", "numbers"),
    [
        ((64, 32, 3, 3), 1, 64 * 32 * 9),
        ((3, 16, 5, 5), 1, 16 * 16 * 25),  # three of a block of 16
        ((40, 10, 3, 3), 4, 4 * 10 * 16 * 9),
        ((24, 1, 7, 7), 24, 32 * 49),  # depthwise, blocks of groups
    ],
)
def test_filters_fill_blocks(
    weight_shape: tuple[int, int, int, int], groups: int, numbers: int
) -> None:
    ins = weight_shape[1] * groups
    geometry = Geometry.of((1, ins, 40, 40), weight_shape, groups=groups)
    assert cost.filter_numbers(geometry) == numbers


def native_s(threads: int, weight_shape: tuple[int, ...], size: int, dtype: torch.dtype) -> float:
    torch.set_num_threads(threads)
    shape = (1, weight_shape[1], size, size)
    return fftconv.plan(shape, weight_shape, dtype=dtype).seconds["forward"]["native"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("channels", [16, 128])
def test_one_thread_takes_twice_as_long(channels: int, dtype: torch.dtype) -> None:
    shape = (channels, channels, 5, 5)
    both = native_s(2, shape, 128, dtype)
    assert native_s(1, shape, 128, dtype) == pytest.approx(2 * both, rel=0.05)


@pytest.mark.parametrize(("ins", "outs", "side"), [(512, 512, 3), (16, 16, 63), (64, 64, 15)])
def test_a_large_filter_costs_on_the_smallest_image(ins: int, outs: int, side: int) -> None:
    """It is read, or brought into oneDNN's order: 5 numbers a nanosecond at best."""
    small = native_s(1, (outs, ins, side, side), side, torch.float32)
    assert small > outs * ins * side**2 / 5e9


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("ins", "outs"), [(1, 1), (1, 16), (3, 16), (16, 16)])
def test_auto_keeps_away_from_the_cliff_of_wide_paddings(ins: int, outs: int, threads: int) -> None:
    """OneDNN takes 10 to 200 times as long where the padding is wider than its registers."""
    torch.set_num_threads(threads)
    plan = fftconv.plan((1, ins, 64, 64), (outs, ins, 63, 63), padding=31, needs_grad=True)
    assert "native" not in plan.chosen.values()
    plan = fftconv.plan((1, ins, 64, 64), (outs, ins, 63, 63))
    assert plan.method != "native"


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize(("channels", "groups", "side"), [(1, 1, 63), (32, 32, 15)])
def test_without_padding_there_is_no_cliff(channels: int, groups: int, side: int) -> None:
    """A filter without padding takes what one takes whose padding oneDNN's registers hold."""
    shape = (channels, 1, side, side)
    valid = fftconv.plan((1, channels, 63 + side, 63 + side), shape, groups=groups)
    same = fftconv.plan((1, channels, 64, 64), shape, groups=groups, padding=side // 2)
    assert 5 * valid.seconds["forward"]["native"] < same.seconds["forward"]["native"]


@pytest.mark.usefixtures("kind")
def test_dense_layers_leave_torch_on_one_thread_as_on_two() -> None:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        plan = fftconv.plan((1, 128, 28, 28), (128, 128, 5, 5), padding=2)
        assert plan.method == "overlap_save", threads


@pytest.mark.usefixtures("kind")
def test_torch_keeps_small_steps_that_it_records_itself() -> None:
    """A step of a few microseconds is shorter where autograd does not come through Python."""
    plan = fftconv.plan((1, 3, 14, 14), (3, 3, 1, 1), needs_grad=True)
    assert set(plan.chosen.values()) == {"native"}
    assert fftconv.plan((1, 1, 256, 256), (1, 1, 3, 3), needs_grad=True).method == "compiled"


@pytest.mark.parametrize("batch", [1, 2])
def test_both_gradients_are_one_call_of_torchs_and_two_of_onednns(
    kind: Machine, batch: int
) -> None:
    geometry = Geometry.of((batch, 3, 14, 14), (16, 3, 3, 3))
    each = [cost.seconds((name,), geometry, 4, kind, 1) for name in GRADIENTS]
    both = cost.seconds(GRADIENTS, geometry, 4, kind, 1)
    assert cost.by_onednn(geometry, 4, 1) == (batch > 1)
    saved = 0.0 if batch > 1 else kind.native_call.gradient
    assert both == pytest.approx(sum(each) - saved)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("threads", [1, 2])
def test_large_results_are_new_memory_for_torch_several_times_over(threads: int) -> None:
    """An image more makes the result larger than what malloc keeps: the result and a copy of it."""
    torch.set_num_threads(threads)
    seconds = [
        fftconv.plan((batch, 1, 256, 256), (16, 1, 3, 3), padding=1).seconds["forward"]
        for batch in (7, 8)
    ]
    assert seconds[1]["native"] > 4 * seconds[0]["native"]
    assert seconds[1]["native"] > 2 * seconds[1]["compiled"]


def test_what_onednn_writes_is_counted_as_page_faults_were(kind: Machine) -> None:
    """Megabytes of faults of a call on a Xeon (AVX-512), beside what both have in common."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("what was counted is of AVX-512, whose blocks have 16 channels")
    counted = {
        ((4, 3, 256, 256), (64, 3, 5, 5), 2): (134, 67, 67),
        ((1, 64, 400, 400), (64, 64, 3, 3), 1): (123, 123, 82),
        ((1, 1, 4096, 4096), (1, 1, 3, 3), 1): (1141, 2215, 1074),
    }
    for (input_shape, weight_shape, padding), megabytes in counted.items():
        case = Geometry.of(input_shape, weight_shape, padding=padding)
        for name, expected in zip(MAPS, megabytes, strict=True):
            free = msgspec.structs.replace(kind, new_memory=NewMemory(0.0, 0.0))
            took = cost.seconds((name,), case, 4, kind, 1) - cost.seconds((name,), case, 4, free, 1)
            assert took / kind.new_memory.small / 1e6 == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("taps", [3, 5])
def test_a_block_of_channels_takes_as_long_half_full(kind: Machine, taps: int) -> None:
    """One channel more than two vectors hold costs as much as three vectors of them."""
    lanes = target().vector_bytes // 4
    odd, full = (
        cost.seconds(
            ("forward",),
            Geometry.of((8, count, 40, 40), (count, count, taps, taps), padding=taps // 2),
            4, kind, 2,
        )
        for count in (2 * lanes + 1, 3 * lanes)
    )  # fmt: skip
    assert odd == pytest.approx(full, rel=0.1)
    outs = [
        cost.seconds(("forward",), Geometry.of((8, 1, 128, 128), (n, 1, 5, 5)), 4, kind, 2)
        for n in (5, 6)
    ]
    assert outs[0] == pytest.approx(outs[1], rel=0.1)


@pytest.mark.parametrize(
    ("names", "ins", "taps", "calls"),
    [
        (("forward",), 16, 3, 1.3),
        (("forward",), 64, 5, 1.3),
        (("forward",), 1, 3, 1.0),
        (("forward",), 64, 1, 1.0),
        (GRADIENTS, 64, 3, 1.0),
    ],
)
def test_a_forward_call_that_reorders_takes_longer(
    kind: Machine, names: tuple[Map, ...], ins: int, taps: int, calls: float
) -> None:
    """Where oneDNN brings input and output into blocks of channels, whatever their size."""
    case = Geometry.of((2, ins, 8, 8), (16, ins, taps, taps))
    free = msgspec.structs.replace(kind, onednn_call=Call(0.0, 0.0))
    took = cost.seconds(names, case, 4, kind, 2) - cost.seconds(names, case, 4, free, 2)
    one = kind.onednn_call.forward if names == ("forward",) else 2 * kind.onednn_call.gradient
    assert took == pytest.approx(calls * one)


@pytest.mark.parametrize("groups", [2, 4])
def test_torch_calls_its_own_kernel_for_each_group(kind: Machine, groups: int) -> None:
    """One thread, 1x1: not oneDNN's. The rates are of cases without groups."""
    case = Geometry.of((1, 32, 64, 64), (32, 32 // groups, 1, 1), groups=groups)
    free = msgspec.structs.replace(kind, native_call=Call(0.0, 0.0))
    took = [cost.seconds(("forward",), case, 4, one, 1) for one in (kind, free)]
    assert took[0] - took[1] == pytest.approx(groups * kind.native_call.forward)
    copied = 32 * 64 * 64 * kind.precision(4).copy
    assert took[1] > copied
