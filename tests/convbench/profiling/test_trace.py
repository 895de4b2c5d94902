"""From a trace to phases, flame graph and curve, on a trace small enough to check by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from convbench.limits.machine import Limits
from convbench.profiling.charts import flame_graph, memory_chart
from convbench.profiling.event_work import work_of
from convbench.profiling.memory import curve
from convbench.profiling.phases import PHASES, phase_of, phases
from convbench.profiling.spec import Spec
from convbench.profiling.speedscope import speedscope
from convbench.profiling.trace import Event, median_call, read_calls

SPEC = Spec("fft", 64, 3)
LIMITS = Limits({2**20: 1e-4}, {"float32": 1e9}, {"float32": {64: 1e-3}})


def entry(name: str, start: float, duration: float, **arguments: Any) -> dict[str, Any]:
    category = "cpu_op" if name.startswith("aten::") else "python_function"
    return {
        "ph": "X",
        "cat": category,
        "tid": 1,
        "name": name,
        "ts": start,
        "dur": duration,
        "args": arguments,
    }


def one_call(start: float, duration: float) -> list[dict[str, Any]]:
    """Return a call with 20 us of transform, 5 of copy, 30 of inverse, and the rest Python."""
    transform = {"Input Dims": [[1, 64, 64]], "Concrete Inputs": ["", "[1, 2]", "0", "True"]}
    inverse = {
        "Input Dims": [[1, 64, 33]],
        "Input type": ["c10::complex<float>"],
        "Concrete Inputs": ["", "[1, 2]", "2", "64"],
    }
    return [
        entry("worker.py(9): profiled_call", start, duration),
        entry("aten::_fft_r2c", start + 10, 25, **transform),
        entry("aten::copy_", start + 20, 5, **{"Input Dims": [[64, 64], [64, 64]]}),
        entry("aten::_fft_c2r", start + 40, 30, **inverse),
    ]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    times = ((0, 500), (1000, 100), (2000, 120), (3000, 110))
    calls = [event for start, duration in times for event in one_call(start, duration)]
    other = [entry("before.py(1): setup", -50, 20), {"ph": "i", "name": "[memory]", "ts": 5}]
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"traceEvents": [*other, *calls]}))
    return path


def test_the_call_of_median_duration_without_the_first(trace) -> None:
    calls = read_calls(trace)
    assert len(calls) == 4
    assert median_call(calls).duration_s == pytest.approx(110e-6)


def test_times_of_the_phases_sum_to_the_call(trace) -> None:
    call = median_call(read_calls(trace))
    found = {phase.name: phase for phase in phases(call, SPEC, LIMITS)}
    assert list(found) == list(PHASES)
    assert sum(phase.time_s for phase in found.values()) == pytest.approx(call.duration_s)
    assert found["transform"].time_s == pytest.approx(20e-6)
    assert found["copy"].time_s == pytest.approx(5e-6)
    assert found["inverse"].time_s == pytest.approx(30e-6)
    assert found["Python"].time_s == pytest.approx(55e-6)
    assert found["kernel"].events == 0


def test_operations_of_transforms_and_copies(trace) -> None:
    found = {p.name: p for p in phases(median_call(read_calls(trace)), SPEC, LIMITS)}
    # 2.5 n log2 n, n = 64 * 64, both ways: the inverse's input is half a spectrum.
    assert found["transform"].flops == pytest.approx(2.5 * 4096 * 12)
    assert found["inverse"].flops == pytest.approx(2.5 * 4096 * 12)
    assert found["transform"].limit_s == pytest.approx(1e-3)
    assert found["copy"].bytes == 2 * 4 * 4096


def test_a_kernel_has_the_work_of_the_cell() -> None:
    call = Event("worker.py(9): profiled_call", 0, 1e-3, [], [], [])
    child = Event("aten::mkldnn_convolution", 0, 9e-4, [], [], [], parent=call)
    call.children.append(child)
    kernel = {p.name: p for p in phases(call, SPEC, LIMITS)}["kernel"]
    assert kernel.flops == 2 * 9 * 62 * 62
    assert kernel.fraction == pytest.approx(kernel.flops / 1e9 / 9e-4)


def test_a_compiled_pass_says_what_its_time_was_spent_on() -> None:
    call = Event("worker.py(9): profiled_call", 0, 1e-3, [], [], [])
    run = Event(
        "fftconv/methods/overlap_save/few_channels.py(9): _run", 0, 9e-4, [], [], [], parent=call
    )
    name = "phases: copy=100 transform=500 product=150 inverse=250"
    threads = Event("fftconv/machine_code/pool.py(9): run", 0, 6e-4, [], [], [], parent=run)
    report = Event(
        "fftconv/methods/overlap_save/few_channels.py(99): _report",
        8e-4,
        1e-4,
        [],
        [],
        [],
        parent=run,
    )
    report.children.append(Event(name, 8e-4, 1e-4, [], [], [], parent=report))
    run.children += [threads, report]
    call.children.append(run)
    found = {phase.name: phase.time_s for phase in phases(call, SPEC, LIMITS)}
    assert found["transform"] == pytest.approx(0.5 * 8e-4)
    assert found["inverse"] == pytest.approx(0.25 * 8e-4)
    assert found["product"] == pytest.approx(0.15 * 8e-4)
    assert found["copy"] == pytest.approx(0.1 * 8e-4)
    assert sum(found.values()) == pytest.approx(1e-3)


def test_a_compiled_pass_says_how_many_operations_it_did() -> None:
    call = Event("worker.py(9): profiled_call", 0, 1e-3, [], [], [])
    for start, name in ((0, "transform=100/2000 product=300/8000"), (4e-4, "product=50/1000")):
        frame = "fftconv/methods/overlap_save/many_channels/phases.py(9): run_counted"
        run = Event(frame, start, 4e-4, [], [], [], parent=call)
        run.children.append(Event(f"phases: {name}", start, 0, [], [], [], parent=run))
        call.children.append(run)
    # Of the call into compiled code beside them the direct sum is no part.
    beside = "fftconv/methods/overlap_save/few_channels.py(9): _run"
    call.children.append(Event(beside, 8e-4, 1e-4, [], [], [], parent=call))
    found = {phase.name: phase for phase in phases(call, SPEC, LIMITS)}
    assert phase_of(call.children[-1]) == "kernel"
    assert found["transform"].time_s == pytest.approx(1e-4)
    assert found["product"].time_s == pytest.approx(7e-4)
    assert (found["transform"].flops, found["product"].flops) == (2000, 9000)
    assert found["product"].fraction == pytest.approx(9000 / 1e9 / 7e-4)
    assert found["kernel"].flops == 0


@pytest.mark.parametrize(
    ("name", "phase"),
    [
        ("aten::_fft_c2c", "transform"),
        ("<built-in method r2c of pybind11_builtins object at 0x7f>", "transform"),
        ("<built-in method c2r of pybind11_builtins object at 0x7f>", "inverse"),
        ("scipy/signal/_signaltools.py(487): _freq_domain_conv", "product"),
        ("aten::bmm", "product"),
        ("aten::convolution_backward", "kernel"),
        ("<built-in function _convolve2d>", "kernel"),
        ("aten::constant_pad_nd", "copy"),
        ("<built-in function zeros>", "copy"),
        ("autograd::engine::evaluate_function: AffineBackward", "autograd"),
        ("fftconv/functional.py(16): conv2d", "Python"),
        ("<built-in function isinstance>", "Python"),
    ],
)
def test_phase_of_a_name(name, phase) -> None:
    assert phase_of(Event(name, 0, 1, [], [], [])) == phase


def test_an_inverse_complex_transform_is_told_by_its_argument() -> None:
    event = Event("aten::_fft_c2c", 0, 1, [[4, 64]], [], ["", "[1]", "2", "False"])
    assert phase_of(event) == "inverse"
    assert work_of(event, "inverse", SPEC, LIMITS).flops == pytest.approx(5 * 256 * 6)


def test_a_trace_without_the_call_is_refused(tmp_path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"traceEvents": [entry("other", 0, 1)]}))
    with pytest.raises(ValueError, match="holds no call of profiled_call"):
        read_calls(path)


def test_speedscope_opens_and_closes_in_order(trace) -> None:
    data = json.loads(speedscope(read_calls(trace), "a cell"))
    (profile,) = data["profiles"]
    names = [frame["name"] for frame in data["shared"]["frames"]]
    assert profile["type"] == "evented"
    stack: list[int] = []
    at = profile["startValue"]
    for event in profile["events"]:
        assert event["at"] >= at
        at = event["at"]
        if event["type"] == "O":
            stack.append(event["frame"])
        else:
            assert stack.pop() == event["frame"]
    assert stack == []
    assert at == profile["endValue"]
    assert "aten::copy_" in names


def test_flame_graph_names_what_is_wide_enough(trace) -> None:
    graph = flame_graph(median_call(read_calls(trace)))
    assert graph.count("<rect") == 4
    assert "aten::_fft_r2c" in graph
    assert "25 us" in graph


def test_memory_counts_from_before_the_first_call() -> None:
    samples = [(9.9, 100), (9.999, 120), (10.001, 500), (10.002, 300), (10.5, 120), (11.0, 900)]
    found = curve(samples, [(10.0, 10.003), (10.499, 10.502)])
    assert found.peak_bytes == 380
    assert [count for _, count in found.points] == [0, 380, 180, 0]
    assert "380 B" in memory_chart(found)


def test_calls_too_short_to_be_seen_leave_an_empty_curve() -> None:
    assert curve([], [(1.0, 2.0)]).peak_bytes == 0
    assert "could not be seen" not in memory_chart(curve([(1.0, 5), (1.1, 5)], [(1.0, 1.1)]))
    assert "before their memory could be seen" in memory_chart(curve([], []))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filter_size": 65}, "filter 65 is larger than input 64"),
        ({"out_channels": 3, "groups": 2, "in_channels": 2}, "multiples of the 2 groups"),
        ({"in_channels": 3, "groups": 2}, "multiples of the 2 groups"),
    ],
)
def test_sizes_that_do_not_go_together(changes, message) -> None:
    spec = Spec(**{"method": "fft", "input_size": 64, "filter_size": 3, **changes})
    assert message in str(spec.problem())
