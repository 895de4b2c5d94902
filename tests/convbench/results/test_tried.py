"""The note of what was tried: added to, read back as it was, and never in the way."""

import pytest

from convbench.results import tried

CELLS = frozenset({("conv2d.Forward.time_forward", ("fft", 512, 31)), ("package.Import", ())})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_is_tried_at_first() -> None:
    assert tried.tried("machine", "commit") == frozenset()


def test_cells_are_added_to_those_of_the_same_machine_and_commit() -> None:
    for cell in CELLS:
        tried.note_tried("machine", "commit", [cell])
    assert tried.tried("machine", "commit") == CELLS
    assert tried.tried("machine", "other") == tried.tried("other", "commit") == frozenset()


@pytest.mark.parametrize("content", ["", "{", '{"a": 1}', "[1]"])
def test_an_unreadable_note_is_no_note(tmp_path, content) -> None:
    file = tmp_path / ".asv" / "tried" / "machine" / "commit.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert tried.tried("machine", "commit") == frozenset()
    tried.note_tried("machine", "commit", CELLS)
    assert tried.tried("machine", "commit") == CELLS
