"""The cells that an expression names, and expressions that nobody should wait for."""

import re

import pytest

from convbench.command_line.failure import MisuseError
from convbench.gate.cells import both_sided, cells, compiled, selected

BENCHMARKS = {"a.time_x": [["'fft'", "'native'"], ["64", "128"]], "b.time_y": []}


def test_cells_are_named_and_counted_as_asv_does() -> None:
    found = cells(BENCHMARKS)
    assert [str(cell) for cell in found] == [
        "a.time_x('fft', 64)",
        "a.time_x('fft', 128)",
        "a.time_x('native', 64)",
        "a.time_x('native', 128)",
        "b.time_y",
    ]
    assert [cell.index for cell in found] == [0, 1, 2, 3, None]


def test_an_expression_finds_as_asvs_bench_does() -> None:
    known = both_sided(BENCHMARKS, BENCHMARKS)
    found = selected(known, compiled(r"'fft', 64\)|time_y"))
    assert [str(cell) for cell, _ in found] == ["a.time_x('fft', 64)", "b.time_y"]


def test_cells_of_one_side_are_told_apart() -> None:
    head = {"a.time_x": [["'fft'"], ["64"]], "c.time_z": []}
    only = {str(cell): side for cell, side in both_sided(BENCHMARKS, head)}
    assert only["a.time_x('fft', 64)"] is None
    assert only["b.time_y"] == only["a.time_x('native', 64)"] == "BASE"
    assert only["c.time_z"] == "HEAD"


@pytest.mark.parametrize("text", ["(", "*", "[a", "(?P<1>x)", "a{99999999999999999999}"])
def test_what_is_no_expression_is_refused(text) -> None:
    with pytest.raises(MisuseError, match="is no regular expression"):
        compiled(text)


def test_an_expression_that_finds_nothing_is_refused_with_an_example() -> None:
    with pytest.raises(MisuseError, match=re.escape("(there is a.time_x('fft', 64), for one)")):
        selected(both_sided(BENCHMARKS, BENCHMARKS), compiled("abacus"))


def test_an_expression_that_takes_forever_is_cut_off() -> None:
    known = both_sided({f"a.time_{'x' * 60}": []}, {})
    with pytest.raises(MisuseError, match="takes too long"):
        selected(known, compiled(r"(x+x+)+y"))  # it would take years


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (r"time_z\('native', 64, 3\)", ["time_z('native', 'all', 64, 3)"]),
        (r"^time_z\('native', 64", ["time_z('native', 'all', 64, 3)"]),
        (r"'1', 64", ["time_z('native', '1', 64, 3)"]),
    ],
)
def test_commands_from_before_there_were_threads_find_the_cells_of_all(expression, found) -> None:
    benchmarks = {"time_z": [["'native'"], ["'all'", "'1'"], ["64"], ["3"]]}
    known = both_sided(benchmarks, benchmarks)
    assert [str(cell) for cell, _ in selected(known, compiled(expression))] == found
