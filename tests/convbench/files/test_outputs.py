"""An output that could not be written at the end is refused before anything is measured."""

import os
from pathlib import Path

import pytest

from convbench.command_line.failure import MisuseError
from convbench.files.outputs import check_folder, check_outputs


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Is a directory"),
        ("folder", "Is a directory"),
        ("file/x.json", "Not a directory"),
        ("file/new/x.json", "Not a directory"),
        ("circle", "symbolic links"),
        ("dangling", "Not a directory"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch, name, message) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").touch()
    Path("circle").symlink_to("circle")
    Path("dangling").symlink_to("gone/x.json")
    Path("gone").symlink_to("file")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MisuseError, match=rf"--json .* cannot be written.*{message}"):
        check_outputs({"--json": Path(name)})
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["new.json", "a/b/new.json", "old.json", "/dev/stdout", "pipe"])
def test_what_can_be_written_is_not_made_yet(tmp_path, monkeypatch, name) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.json").touch()
    os.mkfifo("pipe")
    before = sorted(tmp_path.rglob("*"))
    check_outputs({"--json": Path(name), "--markdown": None})
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("other", ["new", "./new", "link", "folder/../new"])
def test_two_outputs_are_not_the_same_file(tmp_path, monkeypatch, other) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("link").symlink_to("new")
    with pytest.raises(MisuseError, match=r"--markdown .* is the same file as --json"):
        check_outputs({"--json": Path("new"), "--markdown": Path(other)})
    check_outputs({"--json": Path("/dev/stdout"), "--markdown": Path("/dev/stdout")})


def test_an_output_is_none_of_the_inputs(tmp_path) -> None:
    read, link = tmp_path / "trials.jsonl", tmp_path / "link"
    check_outputs({"--figure": read}, inputs=[read])  # it is not there, and read in vain
    read.touch()
    link.hardlink_to(read)
    with pytest.raises(MisuseError, match=r"is the same file as .*trials\.jsonl, which is read"):
        check_outputs({"--figure": link}, inputs=[read])


def test_a_folder_for_files_is_looked_at_as_well(tmp_path) -> None:
    (tmp_path / "file").touch()
    check_folder("--out", None)
    check_folder("--out", tmp_path / "new" / "folder")
    for name in ("file", "file/folder"):
        with pytest.raises(MisuseError, match=r"--out .* is no folder"):
            check_folder("--out", tmp_path / name)
