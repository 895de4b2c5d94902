"""A file that somebody named is written whole or not at all, and nothing else is replaced."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fftconv import _files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def mask() -> int:
    mask = os.umask(0o022)
    yield 0o022
    os.umask(mask)


@pytest.mark.usefixtures("mask")
def test_a_new_file_is_for_everybody_to_read_and_an_old_one_keeps_its_mode(tmp_path) -> None:
    path = tmp_path / "new" / "file.json"
    _files.write(path, b"1")
    assert mode(path) == 0o644
    path.chmod(0o600)
    _files.write(path, b"2")
    assert (path.read_bytes(), mode(path)) == (b"2", 0o600)
    assert [child.name for child in path.parent.iterdir()] == ["file.json"]


def test_what_cannot_be_finished_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        _files.write(path, b"new")
    assert path.read_text() == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["file.json"]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path) -> None:
    path = tmp_path / ("n" * 250)
    _files.write(path, b"1")
    assert path.read_bytes() == b"1"


def test_whether_it_can_be_written_is_known_before(tmp_path) -> None:
    _files.check_writable(tmp_path / "new" / "file.json")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=r"folder|exists|directory"):
            _files.check_writable(path)
    _files.check_writable(Path(os.devnull))


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="a system without /dev/stdout")
def test_a_redirected_output_keeps_what_is_in_it(tmp_path) -> None:
    code = (
        "import pathlib, sys; from fftconv import _files; print('table', flush=True); "
        "_files.write(pathlib.Path('/dev/stdout'), b'data')"
    )
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "table\ndata"
    assert Path("/dev/stdout").is_symlink()
