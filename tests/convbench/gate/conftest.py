"""A tiny repository that the gate can compare, quick and the same each time.

Its package keeps a clock of its own, which its work moves on; the benchmarks are timed by that
clock (asv's `timer` attribute). So verdicts depend on no machine.
"""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from convbench.repository.git import git

ROOT = Path(__file__).parents[3]
_MAIN = "import sys; sys.path[0] = {root!r}; from convbench.__main__ import main; sys.exit(main())"

_PYPROJECT = """
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "fftconv"
    version = "0"
    [tool.setuptools]
    packages = ["fftconv"]
"""
_PACKAGE = """
    import os
    import random

    now = 0.0
    born = random.gauss(1.0, 0.002)  # a process is as fast as it was born

    def work(seconds):
        global now
        now += born * seconds * random.gauss(1.0, 0.002)

    def steady():
        work(0.004)

    def changed():
        work(0.004)

    def fragile():
        work(0.004)
"""
_BENCHMARKS = """
    import time

    import fftconv

    class Tiny:
        def setup(self):
            self.timer = lambda: fftconv.now

        def time_steady(self):
            fftconv.steady()

        def time_changed(self):
            fftconv.changed()

        def time_fragile(self):
            fftconv.fragile()

    class New:
        timer = staticmethod(lambda: fftconv.now)

        def setup(self):
            if not hasattr(fftconv, "new"):
                raise NotImplementedError("This commit's fftconv has no new.")

        def time_new(self):
            fftconv.new()

    class Slow:
        def time_sleep(self):
            time.sleep(0.01)
"""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))


def commit(root: Path, name: str) -> None:
    """Commit what is there and tag it."""
    git(root, "add", "--all")
    identity = ("-c", "user.name=n", "-c", "user.email=e")
    git(root, *identity, "commit", "--quiet", "--no-verify", "--allow-empty", "--message", name)
    git(root, "tag", name)


@pytest.fixture(scope="package")
def original(tmp_path_factory) -> Path:
    """Make a commit `base`, and others that differ from it by what they are called."""
    root: Path = tmp_path_factory.mktemp("tiny")
    _write(root / "pyproject.toml", _PYPROJECT)
    _write(root / ".gitignore", "__pycache__/\n")
    package = root / "fftconv" / "__init__.py"
    _write(package, _PACKAGE)
    _write(root / "benchmarks" / "__init__.py", '"""Tiny."""\n')
    _write(root / "benchmarks" / "tiny.py", _BENCHMARKS)
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root, "base")
    text = package.read_text()
    changed = text.replace("def changed():\n    work(0.004)", "def changed():\n    work(0.0044)")
    fragile = text.replace("def fragile():\n    work(0.004)", "def fragile():\n    os._exit(7)")
    for name, content in {
        "slower": changed,
        "fragile": fragile,
        "new": f"{text}\n\ndef new():\n    work(0.004)\n",
        "broken": "raise ImportError('this commit is broken')\n",
        "not-installable": text,
    }.items():
        git(root, "checkout", "--quiet", "base")
        package.write_text(content)
        if name == "not-installable":
            (root / "pyproject.toml").write_text("this is no TOML")
        commit(root, name)
    git(root, "checkout", "--quiet", "base")
    return root


@pytest.fixture
def tiny(original, tmp_path) -> Path:
    """Copy the repository for one test."""
    copied = tmp_path / "tiny"
    shutil.copytree(original, copied)
    return copied


def _heedful() -> None:
    """Ignore nothing that a shell's background job ignores, or nohup: it would be inherited."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Gate:
    """The command in a repository, with a cache folder of its own."""

    WITHIN_S = 600.0
    """What hangs is ended by then; what is only slow, on a busy machine, is not."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root = root
        self.cache = cache

    @property
    def left(self) -> list[Path]:
        """Return the folders of runs that are there."""
        home = self.cache / "fftconv" / "gate"
        return sorted(home.iterdir()) if home.exists() else []

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``python -m convbench gate ARGUMENTS`` in a session of its own."""
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.cache), "COLUMNS": "120"}
        return subprocess.Popen(
            [sys.executable, "-c", _MAIN.format(root=str(ROOT)), "gate", *arguments],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heedful,
        )

    def wait_until(self, process: "subprocess.Popen[str]", condition: Callable[[], object]) -> None:
        """Wait for something that a process which runs does sooner or later."""
        end = time.monotonic() + self.WITHIN_S
        while not condition():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.01)

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=self.WITHIN_S)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture
def gate(tiny, tmp_path) -> Gate:
    """Return the command in the tiny repository."""
    return Gate(tiny, tmp_path / "cache")
