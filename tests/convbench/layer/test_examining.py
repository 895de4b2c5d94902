"""A layer that fails anywhere is reported, and the caller's process stays as it was."""

import random
import re
import sys
from typing import Any

import numpy as np
import pytest
import torch

from convbench.layer import examining
from convbench.layer.checks.registry import CHECKS
from convbench.layer.examining import examine
from convbench.layer.finding import Outcome
from convbench.layer.loading import load
from convbench.layer.report import Report


def examined(module, monkeypatch, checks: tuple[str, ...], **options: Any) -> Report:
    """Examine a module's `layer`, with some of the checks."""
    kept = tuple(check for check in CHECKS if check.name in checks)
    monkeypatch.setattr(examining, "CHECKS", kept)
    return examine(("mine", load(f"{module.__name__}:layer", 1)), [(3, 4)], **options)


def test_a_layer_that_fails_when_it_is_called_again_is_reported(written, monkeypatch) -> None:
    module = written(
        """
        calls = 0

        def layer(x):
            global calls
            calls += 1
            if calls > 1:
                raise RuntimeError("only once")
            return x * 2
        """
    )
    report = examined(module, monkeypatch, ("gradcheck", "layout", "pickle"))
    assert report.timings == []
    assert report.split is None
    assert report.faults == len(report.findings) == 5
    for finding in report.findings:
        assert "RuntimeError: only once" in finding.said
        assert finding.place is not None
        assert "only once" in finding.place.code
    assert report.summary()["regions_s"] is None


def test_a_backward_that_fails_is_seen_with_its_function(written, monkeypatch) -> None:
    module = written(
        """
        from torch.autograd import Function

        class Own(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, grad):
                raise RuntimeError("no way back")

        layer = Own
        """
    )
    report = examined(module, monkeypatch, ("Function",))
    said = {finding.check: finding.said for finding in report.findings}
    assert "no way back" in said["time"]
    assert "no way back" in said["profile"]
    assert "Own is of the older style" in said["Function"]


def test_the_callers_process_stays_as_it_was(written, monkeypatch) -> None:
    module = written(
        """
        import random
        import numpy as np
        import torch

        def layer(x):
            torch.set_num_threads(1)
            torch.manual_seed(5)
            np.random.seed(5)
            random.seed(5)
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            return x * 2
        """
    )

    def state() -> list[object]:
        numbers = torch.random.get_rng_state().tolist(), random.getstate()
        of_numpy = np.random.get_state()[1].tolist()  # noqa: NPY002
        settings = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
        return [*numbers, of_numpy, *settings, sys.getprofile(), torch.autograd.Function.__call__]

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = state()
        examined(module, monkeypatch, tuple(check.name for check in CHECKS))
        assert state() == before
    finally:
        torch.set_num_threads(threads)


def test_a_module_is_not_changed(monkeypatch, written) -> None:
    module = written(
        """
        import torch

        layer = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5))
        """
    )
    before = {name: value.clone() for name, value in module.layer.state_dict().items()}
    chosen = ("gradcheck", "dtype", "layout", "pickle")
    report = examined(module, monkeypatch, chosen, dtype=torch.float64)
    assert report.faults == 0, report.findings
    after = module.layer.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert after["0.weight"].dtype == torch.float32
    assert module.layer[0].weight.grad is None


def test_a_reference_of_another_kind_is_said_to_be_one(written, monkeypatch) -> None:
    module = written("    def layer(x):\n        return x * 2\n")
    for name, outcome in (("torch:relu", Outcome.UNSURE), ("torch.nn:ReLU", Outcome.UNSURE)):
        other = name, load(name, 1)
        report = examined(module, monkeypatch, (), reference=other)
        (found,) = report.findings
        assert (found.check, found.outcome) == ("reference", outcome)
    other = "linear", torch.nn.Linear(4, 4)
    (found,) = examined(module, monkeypatch, (), reference=other).findings
    assert found.outcome is Outcome.NONE
    assert "other parameters" in found.said


def test_lines_of_an_installed_package_are_named_too(written, monkeypatch) -> None:
    from convbench.layer import places

    module = written(
        "    def layer(x):\n        raise_here = x.view(-1)\n        return raise_here\n"
    )
    folder = str(module.__file__).rsplit("/", 2)[0]
    monkeypatch.setattr(places, "_INSTALLED", re.compile(re.escape(folder)))
    places.is_installed.cache_clear()
    try:
        report = examined(module, monkeypatch, ("layout",))
    finally:
        places.is_installed.cache_clear()
    (found,) = report.findings
    assert found.outcome is Outcome.FAIL
    assert found.place is not None
    assert found.place.code == "raise_here = x.view(-1)"


@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_inputs_of_one_number_or_none_are_no_reason_to_break(shape) -> None:
    report = examine(("relu", torch.relu), [shape])
    assert report.faults == 0, [f for f in report.findings if f.outcome is Outcome.FAIL]
