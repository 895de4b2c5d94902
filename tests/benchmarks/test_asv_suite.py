"""The suite as asv sees it: found, set up, sampled, and in an environment that is pinned."""

import json
import math
import re
import time
from pathlib import Path

import pytest
from asv_runner.discovery import disc_benchmarks

from benchmarks import sampling

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    return {benchmark.name: benchmark for benchmark in disc_benchmarks(str(ROOT / "benchmarks"))}


def test_asv_finds_each_benchmark_once(found) -> None:
    names = [benchmark.name for benchmark in disc_benchmarks(str(ROOT / "benchmarks"))]
    assert len(names) == len(set(names))
    assert {
        "conv2d.Accuracy.track_error",
        "conv2d.Backward.time_backward",
        "conv2d.Forward.time_forward",
        "conv2d.Memory.peakmem_call",
        "package.Import.timeraw_import",
        "package.Reference.track_threads",
        "spectrum.Backward.time_backward",
        "spectrum.Forward.time_forward",
    } <= set(names)


def test_every_version_is_set_by_hand(found) -> None:
    # asv's own version is a hash of the source: rewording a benchmark would drop its history.
    hashed = [name for name, benchmark in found.items() if len(benchmark.version) == 64]
    assert hashed == []


def test_the_smallest_cell_of_each_benchmark_runs_as_asv_runs_it(found) -> None:
    for name, benchmark in found.items():
        if name.startswith(("package.Import", "instructions.")):
            continue  # a new process with torch for each sample; valgrind (test_instructions.py)
        benchmark.set_param_idx(0) if benchmark.params else None
        assert not benchmark.do_setup(), name
        benchmark.repeat, benchmark.warmup_time = 2, 0.0
        result = benchmark.do_run()
        samples = result["samples"] if isinstance(result, dict) else [result]
        assert all(sample >= 0 for sample in samples), name
        benchmark.do_teardown()


def test_a_cell_over_its_budget_is_skipped_in_setup(found, capsys) -> None:
    benchmark = found["conv2d.Forward.time_forward"]
    benchmark.set_param_idx(math.prod([1, 5, 5]) - 1)  # direct, 1024, 63
    assert benchmark.do_setup() is True
    assert "over the budget of 1 s" in capsys.readouterr().out


def test_a_sample_is_many_calls_and_its_time_that_of_one(monkeypatch) -> None:
    now_s, calls = 0.0, 0

    def call() -> None:  # takes a millisecond of a clock of its own
        nonlocal now_s, calls
        now_s += 0.001
        calls += 1

    monkeypatch.setattr(sampling.time, "perf_counter", lambda: now_s)
    cell = sampling.Sampled()
    cell.prepare("key", lambda: call)
    calls = 0
    start = cell.timer()
    cell.sample()
    assert calls == round(sampling.SAMPLE_TIME_S / 0.001)
    assert cell.timer() - start == pytest.approx(0.001)


def test_a_slow_call_is_a_sample_of_its_own() -> None:
    assert sampling.calls_per_sample(lambda: time.sleep(2 * sampling.SAMPLE_TIME_S)) == 1


def test_preparing_again_for_the_same_cell_does_nothing() -> None:
    cell = sampling.Sampled()
    cell.prepare("key", lambda: lambda: None)
    cell.prepare("key", lambda: pytest.fail("made the operands anew"))


def test_asvs_environment_holds_what_the_constraints_say() -> None:
    conf = re.sub(r"^\s*//.*$", "", (ROOT / "asv.conf.json").read_text(), flags=re.MULTILINE)
    pinned = json.loads(conf)["matrix"]["req"]
    constraints = (ROOT / "constraints.txt").read_text()
    for package, versions in pinned.items():
        said = re.findall(rf"^{package}==(\S+)", constraints, flags=re.MULTILINE)
        assert sorted(said) == sorted(versions), package
