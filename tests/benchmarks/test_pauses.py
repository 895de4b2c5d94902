"""What new memory costs after a pause: the table, and what is refused."""

import pytest

from benchmarks import pauses


def test_memory_is_filled_in_both_kinds_of_pages() -> None:
    assert pauses.fill_s(4 << 20, large=True) > 0
    assert pauses.fill_s(4 << 20, large=False) > 0


def test_a_table_of_both_with_and_without_a_pause(capsys: pytest.CaptureFixture[str]) -> None:
    pauses.main(["--mib", "4", "--pause", "0", "--rounds", "1"])
    title, head, small, large, reported = capsys.readouterr().out.splitlines()
    assert title == "ms to fill 4 MiB of new memory, median of 1"
    assert head.split() == ["pages", "at", "once", "after", "0", "s"]
    assert [row.split()[0] for row in (small, large)] == ["small", "large"]
    assert all(float(number) > 0 for row in (small, large) for number in row.split()[1:])
    assert reported.startswith("free blocks are ")


@pytest.mark.parametrize("option", ["--mib", "--rounds"])
def test_misuse_is_one_line(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        pauses.main([option, "0"])
    assert ended.value.code == 2
    assert "must be at least 1" in capsys.readouterr().err.splitlines()[-1]
