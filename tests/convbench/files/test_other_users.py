"""Files and folders of other users, as a user meets them who is not root."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NOBODY = 65534
# Everything is loaded before: others may not be able to read this Python.
_WRITE = """
import fcntl, os, sys, tempfile
from pathlib import Path
from convbench.files.atomic import replacing
from convbench.files.outputs import check_outputs
os.setgroups([])
os.setgid({nobody})
os.setuid({nobody})
target = Path(sys.argv[1])
check_outputs({{"--json": target}})
with replacing(target) as temporary:
    temporary.write_text("new")
"""


def write(target: Path) -> "subprocess.CompletedProcess[str]":
    """Write as nobody."""
    return subprocess.run(
        [sys.executable, "-c", _WRITE.format(nobody=NOBODY), str(target)],
        cwd="/",
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder of root's in which everybody can read."""
    if os.getuid() != 0:
        pytest.skip("only root becomes another user")
    folder = Path(tempfile.mkdtemp(prefix="shared-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_file_that_may_be_written_in_a_folder_that_may_not(shared) -> None:
    target = shared / "target"
    target.write_text("old and longer")
    target.chmod(0o666)
    done = write(target)
    assert done.returncode == 0, done.stderr
    assert "is written in place, since its folder takes no new file" in done.stderr
    assert target.read_text() == "new"
    assert list(shared.iterdir()) == [target]


@pytest.mark.parametrize("sticky", [stat.S_ISVTX, 0])
def test_a_file_of_somebody_else_stays_theirs(shared, sticky) -> None:
    shared.chmod(0o777 | sticky)
    target = shared / "target"
    target.write_text("old and longer")
    target.chmod(0o666)
    done = write(target)
    assert done.returncode == 0, done.stderr
    assert "is written in place, since it cannot be replaced" in done.stderr
    assert target.read_text() == "new"
    assert target.stat().st_uid == 0
    assert list(shared.iterdir()) == [target]


@pytest.mark.parametrize("there", [True, False])
def test_what_may_not_be_written_is_refused_and_stays(shared, there) -> None:
    target = shared / "target"
    if there:
        shared.chmod(0o777)
        target.write_text("old")
        target.chmod(0o444)
    done = write(target)
    assert done.returncode != 0
    reason = "Permission denied" if there else "takes no new file"
    assert f"MisuseError: --json {target} cannot be written: " in done.stderr
    assert reason in done.stderr
    assert [path.read_text() for path in shared.iterdir()] == (["old"] if there else [])
