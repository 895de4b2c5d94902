"""A suite of cells that take milliseconds, in a repository of its own, and the means to kill.

Everything is the project's own and asv's, but for what takes long: the environment in which asv
installs a commit is a folder, and the pieces that asv measures at a time are short.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import platformdirs
import psutil
import pytest

from convbench.results.reasons import Reason

ROOT = Path(__file__).parents[2]
MACHINE = "tiny-machine"
# What is kept there is the user's, and serves all.
CACHE = platformdirs.user_cache_path()
_MAIN = """
import sys
sys.path.insert(0, {root!r})
import convbench.measuring.chunks as chunks
chunks._CHUNK_S = 4.0  # a piece a benchmark
from convbench.__main__ import main
sys.exit(main())
"""
_CONF = {
    "version": 1,
    "project": "fftconv",
    "repo": ".",
    "branches": ["HEAD"],
    "environment_type": "folder",
    "build_command": [],
    "uninstall_command": [],
    "install_command": ["python -m shutil_copy {build_dir}/fftconv {env_dir}/packages/fftconv"],
    "launch_method": "forkserver",
    "benchmark_dir": "suite",
    "env_dir": ".asv/env",
    "results_dir": "results",
    "html_dir": ".asv/html",
    "plugins": [".convbench.asv_plugin", ".folder_environment"],
}
_ENVIRONMENT = '''
import os
import sys
from pathlib import Path

from asv.environment import Environment


class Folder(Environment):
    """This Python, with a folder of packages more."""

    tool_name = "folder"

    @classmethod
    def matches(cls, python):
        return True

    def __init__(self, conf, python, requirements, tagged):
        self._requirements = requirements
        super().__init__(conf, python, requirements, tagged)

    def _setup(self):
        for folder in ("bin", "packages"):
            Path(self._path, folder).mkdir(parents=True)
        copy = "from shutil import *; import sys; a, b = sys.argv[1:]; rmtree(b, 1); copytree(a, b)"
        Path(self._path, "packages", "shutil_copy.py").write_text(copy)
        for name in ("python", "pip"):
            script = Path(self._path, "bin", name)
            packages = f"PYTHONPATH={self._path}/packages"
            script.write_text(f'#!/bin/sh\\n{packages} exec {sys.executable} "$@"\\n')
            script.chmod(0o755)

    def run(self, args, **kwargs):
        return self.run_executable("python", args, **kwargs)
'''
_SUITE = """
    import time

    import fftconv


    class _Timed:
        params = (["fft", "native"], [64, 128], [3, 7])
        param_names = ("method", "input", "filter")
        version = "1"
        number = repeat = 1
        warmup_time = 0.0

    class Forward(_Timed):
        def time_forward(self, *_):
            time.sleep(0.002)

    class Backward(_Timed):
        def time_backward(self, *_):
            time.sleep(0.003)

    class Accuracy(_Timed):
        def track_error(self, *_):
            return 1e-7

    class Skips(_Timed):
        def setup(self, method, *_):
            if method == "fft":
                raise NotImplementedError("It is skipped.")

        def time_it(self, *_):
            time.sleep(0.002)
"""

_LEFT_OUT = shutil.ignore_patterns("__pycache__")

Cell = tuple[str, str, int]
"""A file of results, a benchmark, and the place of a cell in it."""


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


class Tiny:
    """The repository, the commands in it, and what they have left."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        home.mkdir()
        for room in ("convbench", "benchmarks"):
            shutil.copytree(ROOT / room, root / room, ignore=_LEFT_OUT)
        (root / "folder_environment.py").write_text(_ENVIRONMENT)
        (root / "asv.conf.json").write_text(json.dumps(_CONF))
        (root / "pyproject.toml").touch()
        for name, text in (("fftconv", ""), ("suite", "")):
            (root / name).mkdir()
            (root / name / "__init__.py").write_text(text)
        (root / "suite" / "conv2d.py").write_text(textwrap.dedent(_SUITE))
        (root / ".gitignore").write_text("__pycache__/\n.asv/\n/results/\n")
        _git(root, "init", "-q", "-b", "main")
        self.commit()

    def commit(self) -> None:
        """Add a commit, which nothing is measured of."""
        (self.root / "fftconv" / "now.py").write_text(f"now = {time.time()!r}\n")
        _git(self.root, "add", ".")
        _git(self.root, "commit", "-q", "-m", "Another")

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command, what it prints in a file."""
        with (self.home / "printed").open("ab") as printed:
            return subprocess.Popen(
                [sys.executable, "-c", _MAIN.format(root=str(self.root)), *arguments],
                cwd=self.root,
                env={**os.environ, "HOME": str(self.home), "XDG_CACHE_HOME": str(CACHE)},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    def finish(self, *arguments: str) -> None:
        """Run a command to its end, which has to be a good one."""
        status = self.start(*arguments).wait(timeout=600)
        assert status == 0, (self.home / "printed").read_text()[-4000:]

    def finished(self) -> set[Cell]:
        """Return the cells that have been measured; every file has to be one that asv reads."""
        from asv.results import Results

        found = set()
        for path in (self.root / "results").glob("*/*.json"):
            if path.name == "machine.json":
                assert json.loads(path.read_text())["machine"] == MACHINE
                continue
            results = Results.load(str(path), machine_name=MACHINE)
            for name in results.get_all_result_keys():
                for index, value in enumerate(results._results[name]):
                    if value is not None:
                        found.add((path.name, name, index))
        return found

    def measured_of_last(self, count: int) -> list[int]:
        """Return how many cells are finished of each of the last commits, newest first."""
        listed = ["git", "rev-list", f"--max-count={count}", "HEAD"]
        commits = subprocess.run(listed, cwd=self.root, capture_output=True, text=True, check=True)
        files = [name for name, _, _ in self.finished()]
        return [
            sum(name.startswith(commit[:8]) for name in files) for commit in commits.stdout.split()
        ]

    def check_readable(self) -> None:
        """Read everything that is kept, as asv and the commands do."""
        import msgspec
        from asv.benchmarks import Benchmarks

        from convbench.confirm.findings import Finding
        from convbench.results.store import load_config
        from convbench.sweep.notes import Note

        before = Path.cwd()
        os.chdir(self.root)
        try:
            if (self.root / "results" / "benchmarks.json").exists():
                assert len(Benchmarks.load(load_config())) == 4
        finally:
            os.chdir(before)
        for path in (self.root / "results").rglob("*.jsonl"):
            kinds = {".reasons": Reason, ".hosts": Note}
            kind = kinds.get(path.with_suffix("").suffix, Finding)
            for line in path.read_bytes().splitlines():
                msgspec.json.decode(line, type=kind)
        books = self.home / ".asv-machine.json"
        if books.exists():
            assert MACHINE in json.loads(books.read_text())
        _git(self.root, "status")
        _git(self.root, "fsck", "--no-dangling")

    def killed(self, arguments: tuple[str, ...], dice: random.Random, within_s: float) -> bool:
        """Start a command and kill it at a moment by lot; say whether it had not ended before.

        What was seen finished before has to be there afterwards, and all of it readable.
        """
        process = self.start(*arguments)
        end = time.monotonic() + dice.uniform(0.0, within_s)
        seen = self.finished()
        while time.monotonic() < end and process.poll() is None:
            seen |= self.finished()
            time.sleep(0.01)
        ended = process.poll() is not None
        if not ended:
            kill(process, everything=dice.random() < 0.5)
        lost = seen - self.finished()
        assert not lost
        self.check_readable()
        return not ended


def kill(process: "subprocess.Popen[bytes]", everything: bool) -> None:
    """End a process, or it and all that it has started, as the kernel does: at once."""
    doomed = [psutil.Process(process.pid)]
    if everything:
        doomed += doomed[0].children(recursive=True)
    for one in doomed:
        with suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
    process.wait()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    """Make the repository; at the end no process that works in it is left."""
    root = tmp_path / "tiny"
    root.mkdir()
    yield Tiny(root, tmp_path / "home")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        left = [
            one
            for one in psutil.process_iter(["cwd"])
            if one.info["cwd"] and Path(one.info["cwd"]).is_relative_to(root)
        ]
        if not left:
            return
        time.sleep(0.2)
    raise AssertionError(f"still running: {left}")
