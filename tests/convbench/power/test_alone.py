"""Two studies of one clone: the second is refused, and a killed one holds nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from convbench.command_line.failure import MisuseError
from convbench.power.alone import alone

ROOT = Path(__file__).parents[3]
_FOLDER = Path(".asv/power")
# It has a child that outlives it, as a study that is killed within a trial has.
_HOLD = """
import subprocess, sys
from pathlib import Path
from convbench.power.alone import alone
with alone(Path(sys.argv[1])):
    child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_the_second_study_is_refused_in_one_line(tmp_path) -> None:
    shutil.copy(ROOT / "asv.conf.json", tmp_path)
    with alone(tmp_path / _FOLDER):
        done = subprocess.run(
            [sys.executable, "-m", "convbench", "power"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == (
        "convbench power: another study of this clone is running (in .asv/power)\n"
    )
    assert [path.name for path in (tmp_path / _FOLDER).iterdir()] == ["lock"]


def test_a_kill_frees_it_though_a_child_lives_on(tmp_path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        child = psutil.Process(int(holder.stdout.readline()))
        with pytest.raises(MisuseError, match="another study of this clone is running"):
            alone(tmp_path).__enter__()
        holder.kill()
    try:
        with alone(tmp_path):
            assert child.is_running()
    finally:
        child.kill()
