"""What the cells compute: the right thing, the same at every call, measured against float64."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import fftconv
from benchmarks import operands, reference
from benchmarks.cases import DIRECTIONS, METHODS, Case
from benchmarks.operands import Operands, measured_call, seeded

CELLS = [(m, d, t) for m in METHODS for d in DIRECTIONS for t in ("float32", "float64")]


@pytest.mark.parametrize(("method", "direction", "dtype"), CELLS)
def test_every_method_is_right_to_its_precision(method, direction, dtype) -> None:
    error = reference.Measurement(Case(method, 64, 7, dtype), direction).error()
    assert 0 < error < 100 * torch.finfo(getattr(torch, dtype)).eps


def test_the_error_is_that_of_a_wrong_result() -> None:
    class Shifted(Operands):
        def call(self, direction) -> Callable[[], tuple[Tensor, ...]]:
            right = super().call(direction)
            return lambda: tuple(result * 1.25 for result in right())

    measurement = reference.Measurement(Case("native", 64, 7), "forward")
    measurement._operands = Shifted(Case("native", 64, 7))
    assert measurement.error() == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_reference_agrees_with_torch_in_float64(direction) -> None:
    assert reference.Measurement(Case("native", 33, 5, "float64"), direction).error() < 1e-13


def test_forward_records_nothing_and_backward_gives_three_gradients() -> None:
    (output,) = Operands(Case("native", 16, 3)).call("forward")()
    assert not output.requires_grad
    gradients = Operands(Case("native", 16, 3)).call("backward")()
    assert [tuple(g.shape) for g in gradients] == [(16, 16), (3, 3), (1, 1)]


def test_inputs_are_seeded_and_alike_in_both_dtypes() -> None:
    assert torch.equal(seeded((4, 5), torch.float32), seeded((4, 5), torch.float32))
    single, double = seeded((4, 5), torch.float32), seeded((4, 5), torch.float64)
    torch.testing.assert_close(single, double.float())


def test_a_skipped_cell_raises_what_asv_takes_for_a_skip() -> None:
    with pytest.raises(NotImplementedError, match="over the budget"):
        measured_call(Case("direct", 1024, 63), "forward")


def test_a_commit_without_the_method_is_skipped_with_a_sentence(monkeypatch) -> None:
    monkeypatch.delattr(fftconv, "FFTConv2d")
    monkeypatch.delattr(fftconv, "Conv2d")
    for method, name in (("fft", "FFTConv2d"), ("compiled", "Conv2d")):
        with pytest.raises(NotImplementedError, match=rf"This commit's fftconv has no {name}\."):
            measured_call(Case(method, 64, 3), "forward")
    assert operands.missing_layer("native") is None


def test_a_commit_without_a_method_of_conv2d_says_which(monkeypatch) -> None:
    monkeypatch.setattr(fftconv, "methods", lambda: {"native": None})
    assert operands.missing_method("compiled") == "This commit's fftconv has no method compiled."


@pytest.mark.parametrize(
    ("role", "loads"),
    [("run_server", True), ("run", True), ("discover", False), ("--cells", False)],
)
def test_processes_in_which_asv_measures_load_what_cells_need(role: str, loads: bool) -> None:
    script = (
        f"import sys; sys.argv = ['benchmark.py', {role!r}]; import benchmarks.operands; "
        "print({'numba', 'scipy.signal'} <= set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(loads)]
