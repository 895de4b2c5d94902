"""The slowdowns that are injected, and how the tools' answers are read."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from convbench.command_line.failure import CommandError
from convbench.power import asv_trial, injection, pyperf_trial
from convbench.power.injection import Injected
from convbench.repository.git import git
from convbench.suite.facts import POWER_CELL

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Injected:
    folder = tmp_path_factory.mktemp("power") / "repository"
    return injection.make(ROOT, folder, (0.0, 0.03))


@pytest.mark.parametrize(("share", "calls"), [(0.0, 1000), (0.03, 1030)])
def test_a_commit_makes_its_share_of_the_calls_twice(repository, share, calls) -> None:
    text = git(repository.root, "show", f"{repository.contender(share)}:fftconv/injected.py")
    module: dict[str, Any] = {}
    exec(text, module)
    made = []

    class Layer:
        forward = staticmethod(made.append)

    module["inject"](Layer)
    for _ in range(1000):
        Layer.forward(1)
    # The owed part of a call is carried along: never more than one call off.
    assert abs(len(made) - calls) <= 1


def test_commits_differ_by_the_share_alone(repository) -> None:
    for share in (0.0, 0.03):
        tag = repository.contender(share)
        assert git(repository.root, "diff", "--name-only", injection.BASE, tag).split() == [
            "fftconv/injected.py"
        ]
        changed = git(repository.root, "diff", "--unified=0", injection.BASE, tag).splitlines()
        added = [line for line in changed if line.startswith("+") and not line.startswith("+++")]
        assert {line.split(" = ")[0] for line in added} <= {"+SHARE", "+NAME"}


@pytest.mark.parametrize(
    ("line", "slower"),
    [
        ("| +        | 1.00±0.01ms  | 1.05±0.01ms | 1.05 | conv2d... |", True),
        ("| -        | 1.05±0.01ms  | 1.00±0.01ms | 0.95 | conv2d... |", False),
        ("|          | 1.00±0.01ms  | 1.00±0.01ms | 1.00 | conv2d... |", False),
        ("", False),
    ],
)
def test_asvs_mark_is_read(monkeypatch, line, slower) -> None:
    head = "| Change | Before | After | Ratio | Benchmark |\n|---|---|---|---|---|"
    monkeypatch.setattr(asv_trial, "_asv", lambda *_: f"{head}\n{line}\n")
    assert asv_trial._slower(Injected(Path()), "slower-0.05", 1.1) is slower


@pytest.mark.parametrize(
    ("command", "status", "good"),
    [
        ("continuous", 0, True),
        ("continuous", 1, True),  # it found a slowdown
        ("continuous", 2, False),
        ("compare", 0, True),
        ("compare", 1, False),  # it found no results
        ("run", 1, False),
    ],
)
def test_an_asv_that_could_not_do_it_is_no_verdict(monkeypatch, command, status, good) -> None:
    done = subprocess.CompletedProcess(["asv"], status, "no results")
    monkeypatch.setattr(asv_trial.subprocess, "run", lambda *_, **__: done)
    if good:
        assert asv_trial._asv(Injected(Path()), command) == "no results"
        return
    with pytest.raises(CommandError, match=f"asv {command} ended with {status}: no results"):
        asv_trial._asv(Injected(Path()), command)


def test_a_cell_has_a_name_for_pyperf() -> None:
    for threads in ("", "'all', "):
        name = pyperf_trial.pyperf_name(f"conv2d.Forward.time_forward('fft', {threads}128, 7)")
        assert name == "forward-fft-128-7-float32"
    assert pyperf_trial.pyperf_name(POWER_CELL) == "forward-fft-64-3-float32"
    with pytest.raises(CommandError, match=r"not of \"conv2d\.Backward"):
        pyperf_trial.pyperf_name("conv2d.Backward.time_backward('fft', 128, 7)")
    with pytest.raises(CommandError, match=r"'one', 128"):
        pyperf_trial.pyperf_name("conv2d.Forward.time_forward('fft', 'one', 128, 7)")
