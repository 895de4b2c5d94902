"""The command line: one line and 2 for what cannot be, and dask only where it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_SOON = "import convbench.sweep.cluster as cluster; cluster._CONNECT = '1s'"


def sweep(*arguments: str, before: str = "pass") -> "subprocess.CompletedProcess[str]":
    code = f"import sys; {before}; from convbench.__main__ import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, "sweep", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one of the arguments --scheduler --local is required"),
        (("--local", "0"), "'0' is no number of workers"),
        (("--local", "two"), "'two' is no number of workers"),
        (("--local", "1", "--scheduler", "tcp://127.0.0.1:1"), "not allowed with"),
        (("--local", "1", "--confirm", "--commits", "HEAD"), "not allowed with"),
        (("--local", "1", "--confirm", "--power"), "not allowed with"),
        (("--local", "1", "--repetitions", "2"), "--repetitions is of --power"),
        (("--local", "1", "--power", "--bench", "x"), "with --power it is --cell"),
        (("--local", "1", "--power", "--tools", "abacus"), "'abacus' is no list of gate, asv"),
        (("--local", "1", "--power", "--budget", "1s"), "'1s' is no "),
        (("--local", "1", "--power", "--output", "/dev/null"), "is no file"),
        (("--local", "1", "--power", "--cell", "spectrum.x"), "is of cells of conv2d.Forward"),
        (
            ("--local", "1", "--commits", "HEAD^!", "--environments", "asv.conf.json"),
            "is no folder",
        ),
        (("--local", "1", "--bench", "("), "'(' is no regular expression"),
        (("--local", "1", "--commits", "HEAD..HEAD"), "names no commits of this repository"),
        (("--local", "1", "--commits", "nothing"), "names no commits of this repository"),
        (("--scheduler", "tcp://127.0.0.1:1", "--commits", "HEAD^!"), "no scheduler answers at"),
        (("--scheduler", "tcp://127.0.0.1:1", "--environments", "x"), "has to be absolute"),
        (("--scheduler", "not an address", "--commits", "HEAD^!"), "no scheduler answers at"),
        (("--scheduler", "udp://127.0.0.1:1", "--commits", "HEAD^!"), "no scheduler answers at"),
    ],
)
def test_misuse_ends_with_2_and_a_line(arguments, said) -> None:
    done = sweep(*arguments, before=_SOON if "no scheduler" in said else "pass")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_without_distributed_it_says_how_to_install_it() -> None:
    done = sweep("--local", "1", before="sys.modules['distributed'] = None")
    assert done.returncode == 2
    assert "pip install -e '.[bench,dask]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_of_every_command_is_there_without_dask() -> None:
    without = "sys.modules['distributed'] = sys.modules['dask'] = None"
    done = sweep("--help", before=without)
    assert done.returncode == 0
    assert "--scheduler" in done.stdout
