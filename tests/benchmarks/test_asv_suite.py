"""The suite as asv sees it: found, set up, sampled, and in an environment that is pinned."""

import json
import math
import re
import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from asv_runner.discovery import disc_benchmarks, get_benchmark_from_name

from benchmarks import network_cases, sampling, together
from benchmarks.network_cases import Conv
from benchmarks.sampler import Cell, DisturbedError, Samples

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    return {benchmark.name: benchmark for benchmark in disc_benchmarks(str(ROOT / "benchmarks"))}


def fresh(identity: str) -> Any:
    """Return a cell that nobody has set up yet, as a process of asv's has it."""
    return get_benchmark_from_name(str(ROOT / "benchmarks"), identity)


def test_asv_finds_each_benchmark_once(found) -> None:
    names = [benchmark.name for benchmark in disc_benchmarks(str(ROOT / "benchmarks"))]
    assert len(names) == len(set(names))
    assert {
        "conv2d.Accuracy.track_error",
        "conv2d.Backward.time_backward",
        "conv2d.Forward.time_forward",
        "conv2d.Memory.peakmem_call",
        "networks.Forward.time_forward",
        "networks.Training.time_step",
        "package.Import.timeraw_import",
        "package.Reference.track_threads",
        "spectrum.Backward.time_backward",
        "spectrum.Forward.time_forward",
    } <= set(names)


def test_every_version_is_set_by_hand(found) -> None:
    # asv's own version is a hash of the source: rewording a benchmark would drop its history.
    hashed = [name for name, benchmark in found.items() if len(benchmark.version) == 64]
    assert hashed == []


def test_the_smallest_cell_of_each_benchmark_runs_as_asv_runs_it(found, monkeypatch) -> None:
    # The smallest network takes a second a call.
    monkeypatch.setitem(network_cases.NETWORKS, "ResNet-50", (Conv(3, 4, 9),))
    for name, benchmark in found.items():
        if name.startswith(("package.Import", "instructions.")):
            continue  # a new process with torch for each sample; valgrind (test_instructions.py)
        benchmark.set_param_idx(0) if benchmark.params else None
        if hasattr(owner := benchmark.func.__self__, "turns"):
            owner.turns = True  # whether the machine is quiet is not what is tested
        assert not benchmark.do_setup(), name
        benchmark.repeat, benchmark.warmup_time = 2, 0.0
        result = benchmark.do_run()
        samples = result["samples"] if isinstance(result, dict) else [result]
        assert all(sample >= 0 for sample in samples), name
        benchmark.do_teardown()


def test_a_cell_over_its_budget_is_skipped_in_setup(found, capsys) -> None:
    benchmark = found["conv2d.Forward.time_forward"]
    benchmark.set_param_idx(math.prod([1, 5, 5]) - 1)  # direct, all threads, 1024, 63
    assert benchmark.do_setup() is True
    assert "over the budget of 1 s" in capsys.readouterr().out


def test_asv_reads_the_samples_that_were_taken_while_the_cell_was_set_up(
    found, monkeypatch
) -> None:
    taken = Samples((1e-3, 2e-3, 3e-3, 4e-3))
    monkeypatch.setattr(together, "sample", lambda _: None)
    monkeypatch.setattr(Cell, "samples", lambda _: taken)
    params = found["conv2d.Forward.time_forward"].params
    number = list(product(*params)).index(("'fft'", "1", "64", "3"))
    benchmark = fresh(f"conv2d.Forward.time_forward-{number}")
    assert not benchmark.do_setup()
    samples = benchmark.do_run()["samples"]
    assert sorted(samples) == pytest.approx(taken.seconds)
    assert samples[0] == pytest.approx(3e-3), "who takes one sample alone takes the median"


def test_a_cell_that_finds_no_quiet_moments_is_not_available(monkeypatch, capsys) -> None:
    def disturbed(_: object) -> None:
        raise DisturbedError("disturbed: by a test")

    monkeypatch.setattr(together, "sample", lambda _: None)
    monkeypatch.setattr(Cell, "samples", disturbed)
    assert fresh("spectrum.Forward.time_forward-0").do_setup() is True
    assert "disturbed: by a test" in capsys.readouterr().out


def test_who_takes_turns_times_so_many_calls(monkeypatch) -> None:
    monkeypatch.setattr(together, "sample", lambda _: pytest.fail("sampled by itself"))
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.001)

    cell = sampling.Sampled()
    cell.turns = True
    cell.prepare("key", lambda: call)
    calls = 0
    cell.take(7)
    start = cell.timer()
    cell.sample()
    assert calls == 7
    assert 0.001 <= cell.timer() - start < 0.01


def test_preparing_again_for_the_same_cell_does_nothing() -> None:
    cell = sampling.Sampled()
    cell.turns = True
    cell.prepare("key", lambda: lambda: None)
    assert cell.call() is None
    cell.prepare("key", lambda: pytest.fail("made the operands anew"))
    assert cell.call() is None


@pytest.mark.parametrize(("value", "number"), [("all", sampling.ALL_THREADS), (1, 1)])
def test_a_cell_runs_with_its_number_of_threads(value, number) -> None:
    cell = sampling.Sampled()
    cell.turns = True
    try:
        cell.prepare("key", lambda: lambda: None, value)
        cell.sample()
        assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(sampling.ALL_THREADS)


def test_asvs_environment_holds_what_the_constraints_say() -> None:
    conf = re.sub(r"^\s*//.*$", "", (ROOT / "asv.conf.json").read_text(), flags=re.MULTILINE)
    pinned = json.loads(conf)["matrix"]["req"]
    constraints = (ROOT / "constraints.txt").read_text()
    for package, versions in pinned.items():
        said = re.findall(rf"^{package}==(\S+)", constraints, flags=re.MULTILINE)
        assert sorted(said) == sorted(versions), package
