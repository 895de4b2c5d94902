"""The grid: what it holds, what is skipped, and what the skip says."""

import subprocess
import sys

import pytest

from benchmarks.cases import (
    BUDGET_VARIABLE,
    DIRECTIONS,
    FILTER_SIZES,
    INPUT_SIZES,
    METHODS,
    Case,
    float32_grid,
    float64_diagonal,
)


def test_the_grid_is_full_in_float32_and_a_diagonal_in_float64() -> None:
    assert INPUT_SIZES == (64, 128, 256, 512, 1024)
    assert FILTER_SIZES == (3, 7, 15, 31, 63)
    assert len(set(float32_grid())) == 5 * 5 * len(METHODS)
    assert [(c.input_size, c.filter_size) for c in float64_diagonal()[:5]] == [
        (64, 3),
        (128, 7),
        (256, 15),
        (512, 31),
        (1024, 63),
    ]


def test_operation_count() -> None:
    assert Case("direct", 10, 3).macs == 8 * 8 * 3 * 3


def test_a_cell_over_its_budget_says_why_in_a_sentence() -> None:
    reason = Case("direct", 1024, 31).skip_reason("forward")
    assert reason == (
        "direct forward in float32 on 1024x1024 with 31x31 is skipped: 9.5e+08 multiply-adds "
        "would take about 1.1 s a call, over the budget of 1 s (FFTCONV_CELL_BUDGET_S changes it)."
    )
    assert Case("direct", 1024, 15).skip_reason("forward") is None
    assert Case("fft", 1024, 63).skip_reason("backward") is None


def test_im2col_in_float64_is_skipped_for_its_memory() -> None:
    reason = Case("native", 1024, 63, "float64").skip_reason("forward")
    assert reason is not None
    assert "im2col copy of the image would take 27.4 GiB" in reason
    assert Case("native", 1024, 63).skip_reason("forward") is None


def test_the_budget_can_be_changed(monkeypatch) -> None:
    monkeypatch.setenv(BUDGET_VARIABLE, "1000")
    kept = [(c, d) for c in float32_grid() for d in DIRECTIONS if c.skip_reason(d) is None]
    assert len(kept) == len(float32_grid()) * len(DIRECTIONS)
    monkeypatch.setenv(BUDGET_VARIABLE, "1e-9")
    assert all(c.skip_reason(d) for c in float32_grid() for d in DIRECTIONS)


@pytest.mark.parametrize("text", ["", "soon", "0", "-1", "nan"])
def test_a_bad_budget_is_refused_in_one_line(monkeypatch, text) -> None:
    monkeypatch.setenv(BUDGET_VARIABLE, text)
    with pytest.raises(ValueError, match="must be a positive number of seconds") as raised:
        Case("fft", 64, 3).skip_reason("forward")
    assert "\n" not in str(raised.value)


def test_the_grid_can_be_read_without_torch() -> None:
    script = "import sys, benchmarks.cases; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
