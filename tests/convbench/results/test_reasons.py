"""Why cells have no value: kept beside asv's results, and read with them."""

import math

import pytest

from convbench.results.keeping import merged, said
from convbench.results.reasons import read_reasons, reasons_file, write_reasons
from convbench.results.store import Record

AXES = [["'fft'", "'native'"], ["64", "128"]]
NAME = "conv2d.Forward.time_forward"
STDERR = (
    "For parameters: 'fft', 64\nasv: skipped: NotImplementedError('too slow') \n\n\n"
    "For parameters: 'native', 128\n"
    "asv: skipped: DisturbedError('disturbed: 0 of 9 samples count') "
)


def test_what_asv_prints_is_read_by_cell() -> None:
    assert list(said(STDERR)) == [
        ("'fft', 64", "too slow"),
        ("'native', 128", "disturbed: 0 of 9 samples count"),
    ]


@pytest.mark.parametrize("text", ["", "warning: something else", "asv: skipped: nothing"])
def test_what_is_no_such_line_is_left_out(text) -> None:
    assert list(said(text)) == []


def test_a_cell_that_got_a_value_loses_its_reason_and_others_keep_theirs() -> None:
    before = {(NAME, ("fft", 64)): "disturbed: once", (NAME, ("fft", 128)): "disturbed: twice"}
    values = {NAME: [1.0, math.nan, None, math.nan]}
    found = merged(before, {NAME: STDERR}, {NAME: AXES}, values)
    assert found == {
        (NAME, ("fft", 128)): "disturbed: twice",
        (NAME, ("native", 128)): "disturbed: 0 of 9 samples count",
    }


def test_a_benchmark_without_parameters_is_a_cell_too() -> None:
    found = merged({}, {"package.A.time_b": "asv: skipped: NotImplementedError('old')"}, {}, {})
    assert found == {("package.A.time_b", ()): "old"}


def test_the_file_is_read_back_as_it_was_and_a_broken_line_is_left_out(tmp_path) -> None:
    path = reasons_file(tmp_path / "abc-env.json")
    reasons = {(NAME, ("fft", 64)): "too slow", ("a.B.time_c", ()): "because"}
    write_reasons(path, reasons)
    assert read_reasons(path) == reasons
    assert path.suffix != ".json", "asv would read it"
    path.write_bytes(path.read_bytes()[:-9])  # as a full disk leaves it
    assert len(read_reasons(path)) == 1
    write_reasons(path, {})
    assert read_reasons(path) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "reason", "settled", "disturbed"),
    [
        (1.0, None, True, False),
        (math.nan, "too slow", True, False),
        (math.nan, None, False, False),
        (math.nan, "disturbed: 0 of 9", False, True),
    ],
    ids=["measured", "skipped", "left out", "disturbed"],
)
def test_what_is_to_be_measured_again(value, reason, settled, disturbed) -> None:
    record = Record(NAME, {}, value, None, None, reason)
    assert (record.settled, record.disturbed) == (settled, disturbed)
