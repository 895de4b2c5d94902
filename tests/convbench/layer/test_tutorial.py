"""The tutorial's two layers as written: their known faults are found, each with its line."""

from pathlib import Path

import pytest
import torch

from convbench.layer.finding import Finding, Outcome
from convbench.layer.report import Report

EXAMPLE = Path(__file__).parents[3] / "examples" / "tutorial_layers.py"


def findings(report: Report) -> dict[str, Finding]:
    return {finding.check: finding for finding in report.findings}


def code(finding: Finding) -> str:
    assert finding.place is not None
    assert Path(finding.place.file).resolve() == EXAMPLE
    return finding.place.code


def test_scipys_layer_casts_gradients_to_float32(scipy_report) -> None:
    found = findings(scipy_report)["dtype"]
    assert found.outcome is Outcome.FAIL
    assert "gradient of filter, bias to float32" in found.said
    assert ".to(torch.float)" in code(found)
    assert "dtype=input.dtype" in found.mend


def test_scipys_layer_has_no_second_derivative_and_does_not_say_so(scipy_report) -> None:
    found = findings(scipy_report)
    assert found["gradcheck"].outcome is Outcome.PASS
    for check, mend in (("gradgradcheck", "backward"), ("once_differentiable", "@torch.autograd")):
        assert found[check].outcome is Outcome.FAIL
        assert code(found[check]) == "def backward(ctx, grad_output):"
        assert mend in found[check].mend


def test_scipys_layer_is_of_the_older_style(scipy_report) -> None:
    found = findings(scipy_report)
    assert found["Function"].outcome is Outcome.FAIL
    assert code(found["Function"]) == "def forward(ctx, input, filter, bias):"
    assert "setup_context" in found["Function"].mend
    assert found["vmap"].outcome is Outcome.FAIL
    assert "ScipyConv2dFunction.apply" in code(found["vmap"])
    assert "setup_context" in found["vmap"].mend


def test_scipys_layer_breaks_the_compilers_graph_where_it_calls_scipy(scipy_report) -> None:
    found = findings(scipy_report)["torch.compile"]
    assert found.outcome is Outcome.FAIL
    if torch.__version__.startswith("2.9.") and "'IF_NEEDED'" in found.said:
        pytest.skip("torch 2.9's compiler ends at an enumeration of numpy's, before it is at scipy")
    assert "graph break" in found.said
    assert "_convolve2d" in found.said
    assert "correlate2d(" in code(found)


def test_what_scipys_layer_does_well_passes(scipy_report) -> None:
    found = findings(scipy_report)
    for check in ("reference", "layout", "in place", "pickle"):
        assert found[check].outcome is Outcome.PASS, found[check].said


def test_the_ffts_wrong_gradient_is_found(fft_report) -> None:
    found = findings(fft_report)["gradcheck"]
    assert found.outcome is Outcome.FAIL
    assert "the gradient of input is wrong" in found.said
    assert code(found) == "def backward(self, grad_output):"


def test_the_fft_is_a_legacy_function(fft_report) -> None:
    found = findings(fft_report)["Function"]
    assert found.outcome is Outcome.FAIL
    assert "legacy" in found.said
    assert code(found) == "def forward(self, input):"
    assert "BadFFTFunction.apply(...)" in found.mend


def test_the_fft_has_no_second_derivative_and_says_so(fft_report) -> None:
    found = findings(fft_report)
    assert found["gradgradcheck"].outcome is Outcome.FAIL
    assert code(found["gradgradcheck"]) == "numpy_go = grad_output.numpy()"
    assert found["once_differentiable"].outcome is Outcome.PASS
    assert found["reference"].outcome is Outcome.PASS


@pytest.mark.parametrize("name", ["scipy_report", "fft_report"])
def test_both_directions_are_timed_beside_the_reference(name, request) -> None:
    report: Report = request.getfixturevalue(name)
    assert [timing.direction for timing in report.timings] == ["forward", "backward"]
    for timing in report.timings:
        assert timing.reference is not None
        ratio = timing.layer.over(timing.reference)
        assert 0 < ratio.low <= ratio.value <= ratio.high


def test_the_conversions_are_named_with_their_lines(scipy_report, fft_report) -> None:
    calls = {}
    for report in (scipy_report, fft_report):
        assert report.split is not None
        for (place, name), seconds in report.split.conversions.items():
            assert place is not None
            calls[name, place.code.split(" = ")[0]] = len(seconds)
    assert calls["numpy", "numpy_input"] == 1
    assert calls["numpy", "result"] == 2
    assert calls["new", "return input.new(result)"] == 1
    assert calls["detach", "input, filter, bias"] == 3
    assert sum(count for (name, _), count in calls.items() if name == "from_numpy") == 3
    assert sum(count for (name, _), count in calls.items() if name == "to") == 2


def test_the_library_and_torch_have_their_parts(scipy_report) -> None:
    assert scipy_report.split is not None
    assert all(seconds > 0 for seconds in scipy_report.split.seconds.values())
    shares = [scipy_report.split.share(region) for region in scipy_report.split.seconds]
    assert sum(shares) == pytest.approx(1.0)
