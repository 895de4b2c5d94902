"""Files are whole: the old one or the new one, whatever happens in between."""

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from convbench.files.atomic import replacing


def test_the_file_is_replaced_when_the_block_ends(tmp_path) -> None:
    target = tmp_path / "sub" / "result.json"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")

    def fail_half_way() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions_are_those_of_any_new_file(tmp_path) -> None:
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "target") as temporary:
        temporary.touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "target")]
    assert modes[0] == modes[1]


def write(target: Path, text: str = "new") -> None:
    with replacing(target) as temporary:
        temporary.write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, there) -> None:
    (tmp_path / "real").mkdir()
    real, link, chain = tmp_path / "real" / "file", tmp_path / "link", tmp_path / "chain"
    if there:
        real.write_text("old")
    link.symlink_to("real/file")
    chain.symlink_to(link)
    write(chain)
    assert chain.is_symlink()
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert names(tmp_path) == ["chain", "link", "real"]
    assert names(real.parent) == ["file"]


def test_links_in_a_circle_are_an_error_and_stay(tmp_path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        write(tmp_path / "a")
    assert names(tmp_path) == ["a", "b"]


def test_a_pipe_stays_and_its_reader_gets_everything(tmp_path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    text = "long enough to fill the pipe twice\n" * 5000
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        write(pipe, text)
        out, _ = reader.communicate()
    assert out == text
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe.json"]


def test_a_device_stays(tmp_path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    for target in (Path("/dev/null"), link):
        write(target)
    assert Path("/dev/null").is_char_device()
    assert link.is_symlink()


_TO_STDOUT = """
import sys
from pathlib import Path
from convbench.files.atomic import replacing
print("before")
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("new\\n")
print("after")
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("to_file", [True, False])
def test_the_standard_output_goes_on_where_it_was(tmp_path, name, to_file) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    out = tmp_path / "out"
    with out.open("w") as stream:
        done = subprocess.run(
            [sys.executable, "-c", _TO_STDOUT, name],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            stdout=stream if to_file else subprocess.PIPE,
            check=True,
        )
    assert (out.read_bytes() if to_file else done.stdout) == b"before\nnew\nafter\n"


def test_mode_and_times_are_those_of_a_file_that_was_written(tmp_path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    target.chmod(0o640)
    os.utime(target, (1, 1))
    write(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.stat().st_mtime > 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_file_stays_its_owners_when_root_writes_it(tmp_path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    target.chmod(0o660)
    os.chown(target, 1234, 4321)
    write(target)
    status = target.stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)
    assert stat.S_IMODE(status.st_mode) == 0o660
    assert target.read_text() == "new"


def test_all_names_of_a_file_see_what_was_written_and_it_is_said(tmp_path, capsys) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    target.write_text("something longer than what comes")
    other.hardlink_to(target)
    write(target)
    assert other.read_text() == target.read_text() == "new"
    assert "is written in place, since it has other names" in capsys.readouterr().err
    assert names(tmp_path) == ["other", "target"]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EPERM])
def test_what_cannot_be_replaced_is_written_in_place_and_it_is_said(
    tmp_path, monkeypatch, capsys, number
) -> None:
    target = tmp_path / "mounted"
    target.write_text("old")

    def busy(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", busy)
    write(target)
    assert target.read_text() == "new"
    assert "is written in place, since it cannot be replaced" in capsys.readouterr().err
    assert names(tmp_path) == ["mounted"]


def test_a_folder_is_an_error_and_stays(tmp_path) -> None:
    with pytest.raises(IsADirectoryError):
        write(tmp_path)
    assert names(tmp_path) == []


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    target = tmp_path / "target"
    target.write_text("old")

    def full() -> None:
        with replacing(target) as temporary:
            temporary.write_text("ne")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        full()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["target"]


_KILLED_WRITER = """
import os, sys
from pathlib import Path
from convbench.files.atomic import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os._exit(9)
"""


def test_what_a_killed_writer_left_is_no_result_and_the_next_removes_it(tmp_path) -> None:
    target = tmp_path / "commit-env.json"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", _KILLED_WRITER, str(target)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            check=False,
        )
        assert done.returncode == 9
        (left,) = names(tmp_path)
        assert not left.endswith(".json")  # asv would read it
    with replacing(target) as temporary:
        assert names(tmp_path) == [temporary.name]
        with replacing(target) as other:  # another writer of the same is left alone
            assert sorted([temporary.name, other.name]) == names(tmp_path)
            other.write_text("other")
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["commit-env.json"]


# asv itself, killed while it writes: with and without the plugin.
KILLED = """
import os, sys
from asv import util
if {plugin}:
    import convbench.asv_plugin

def dump(data, stream, **options):
    stream.write('{{"half": ')
    stream.flush()
    os._exit(9)
util.json.dump = dump
util.write_json(sys.argv[1], {{"new": 1}}, 1)
"""


@pytest.mark.parametrize("plugin", [True, False])
def test_asv_killed_while_it_writes_leaves_the_old_results(tmp_path, plugin) -> None:
    target = tmp_path / "results.json"
    target.write_text('{"old": 1}')
    script = KILLED.format(plugin=plugin)
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == 9
    if plugin:
        assert json.loads(target.read_text()) == {"old": 1}
    else:  # what the plugin is for
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(target.read_text())
