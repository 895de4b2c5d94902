"""What a study of repetition says of its pairs."""

import io

from rich.console import Console

from convbench.repeat.samples import VERSION, Sample
from convbench.repeat.text import print_study


def sample(
    run: int, cell: str, seconds: float | None, slowdown: float = 1.0, burnt: float = 0.0
) -> Sample:
    return Sample(
        VERSION, "m", "p", "c" * 40, run, burnt, "conv2d.Forward.time_forward", "all", cell,
        seconds, "compiled" if cell == "auto" else None, slowdown,
    )  # fmt: skip


def said(*samples: Sample) -> list[str]:
    file = io.StringIO()
    print_study(list(samples), Console(file=file, width=120))
    return file.getvalue().splitlines()


def test_pairs_of_two_paces_are_left_out_and_said() -> None:
    lines = said(
        *(sample(run, "compiled", 1.0) for run in (1, 2)),
        sample(1, "native", 1.0),
        sample(2, "native", 1.25, 1.2),
        sample(1, "fft", 1.02, 1.07),
        sample(2, "fft", 1.0),
    )
    figures = next(line for line in lines if line.startswith("│ all")).replace("│", " ").split()
    assert figures == ["all", "1", "100%", "1.000", "1.000", "0%"]
    (left_out,) = [line for line in lines if "left out" in line]
    assert left_out.startswith("2 pairs are left out")
    assert left_out.endswith("(50% of them are within 5%, the worst 1.250)")


def test_auto_stands_beside_its_method_and_cells_may_decline() -> None:
    lines = said(
        sample(1, "auto", 1.1),
        sample(1, "compiled", 1.0),
        sample(2, "compiled", None),
    )
    assert not any("left out" in line for line in lines)
    assert not any(line.startswith("the same cell") for line in lines)
    assert any(line.startswith("  1.10  auto") for line in lines)


def test_who_declines_beside_a_burner_is_said_of_those_runs_alone() -> None:
    lines = said(
        *(sample(1, cell, 1.0) for cell in ("compiled", "native", "fft")),
        sample(2, "compiled", 1.0, burnt=0.5),
        sample(2, "native", None, burnt=0.5),
        sample(2, "fft", None, burnt=0.5),
    )
    assert any("50% of a core burnt in run 2" in line for line in lines)
    assert any("declined, burnt" in line for line in lines)
    figures = next(line for line in lines if line.startswith("│ all")).replace("│", " ").split()
    assert figures == ["all", "1", "100%", "1.000", "1.000", "67%"]
