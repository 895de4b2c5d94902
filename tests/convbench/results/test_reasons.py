"""Why cells have no value: kept beside asv's results, and read with them."""

import math

import pytest

from convbench.results.keeping import merged, said
from convbench.results.reasons import read_reasons, reasons_file, slowdown, write_reasons
from convbench.results.store import Record, _held_apart

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


def test_a_value_of_a_slow_machine_says_so_until_a_faster_one_measures_it() -> None:
    printed = (
        "For parameters: 'fft', 64\nslowdown: 1.38\n\n\nFor parameters: 'fft', 128\nslowdown: 1.02"
    )
    values = {NAME: [1.0, 1.0, None, None]}
    slow = {(NAME, ("fft", 64)): "slowdown: 1.38"}
    assert merged({}, {NAME: printed}, {NAME: AXES}, values) == slow
    assert merged(slow, {}, {NAME: AXES}, values) == slow
    again = printed.replace("1.38", "1.00")
    assert merged(slow, {NAME: again}, {NAME: AXES}, values) == {}


@pytest.mark.parametrize(
    ("reason", "factor"),
    [("slowdown: 1.38", 1.38), ("slowdown: ?", 1.0), ("disturbed: 1.3", 1.0), (None, 1.0)],
)
def test_by_how_much_the_machine_was_slower(reason, factor) -> None:
    assert slowdown(reason) == factor


def test_a_cell_whose_rivals_met_a_faster_machine_says_what_it_may_gain() -> None:
    def record(method: str, size: int, factor: float) -> Record:
        return Record(NAME, {"method": method, "input": size}, 1.0, (0.9, 1.1), 9, None, factor)

    fast, slow, *same = (
        record("fft", 64, 1.02),
        record("native", 64, 1.4),
        record("fft", 128, 1.4),
        record("native", 128, 1.42),
    )
    found = list(_held_apart([fast, slow, *same]))
    assert [found[0], *found[2:]] == [fast, *same]
    assert 1.02 / 1.4 > found[1].leeway > 0.9 * 1.02 / 1.4
    assert found[1].paced == pytest.approx(1.02 / 1.4)
    alone = Record("limits.Speed.time_it", {"bytes": 1}, 1.0, None, 9, None, 1.4)
    other = Record("limits.Speed.time_it", {"bytes": 2}, 1.0, None, 9, None, 1.0)
    assert list(_held_apart([alone, other])) == [alone, other]


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
