"""Another project: a package in `src`, and an asv suite in a folder below its root."""

import json
import os
import random
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.results import Results
from asv.runner import BenchmarkResult

from convbench.repository.git import git

ROOT = Path(__file__).parents[3]
_MAIN = "import sys; sys.path[0] = {root!r}; from convbench.__main__ import main; sys.exit(main())"
WITHIN_S = 900.0

PYPROJECT = """
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "thing"
    version = "0"
    [tool.setuptools.packages.find]
    where = ["src"]
"""
PACKAGE = """
    TURNS = 1

    def work(number):
        total = 0
        for _ in range(TURNS):
            for each in range(number):
                total += each * each
        return total
"""
# As people write it: comments of both kinds, a comma too many, paths from the file's own folder.
CONFIGURATION = """
    {
        // of another project
        "version": 1,
        "project": "thing",
        "repo": "..",
        "branches": ["main"],
        "environment_type": "virtualenv",
        "benchmark_dir": "suite", /* not `benchmarks` */
        "env_dir": ".asv/env",
        "results_dir": ".asv/results",
        "html_dir": ".asv/html",
        "build_command": [],
        "install_command": [
            "in-dir={env_dir} python -m pip install --no-build-isolation --no-index {build_dir}"
        ],
    }
"""
BENCHMARKS = """
    from asv_runner.benchmarks.mark import SkipNotImplemented, skip_for_params

    import thing

    class Work:
        params = [[2000, 4000], ["plain", "other"]]
        param_names = ["number", "kind"]

        def setup_cache(self):
            with open("made", "a") as file:
                file.write("once")
            return {"turns": 1}

        def setup(self, cache, number, kind):
            if number == 4000 and kind == "other":
                raise NotImplementedError("too much of it")
            assert open("made").read() == "once"
            self.fresh = True

        @skip_for_params([(2000, "other")])
        def time_work(self, cache, number, kind):
            assert self.fresh, "each call is of what setup has made"
            self.fresh = False
            for _ in range(cache["turns"]):
                thing.work(number)

    def time_several():
        thing.work(1000)

    time_several.number = 4
    time_several.repeat = 3
    time_several.version = "2"

    def time_declines():
        raise SkipNotImplemented("not on this machine")

    def timeraw_import():
        return "import thing; thing.work(100_000)"

    def track_turns():
        return thing.TURNS
"""

MACHINE = "steady"
COMMITS = 6
# name: (type, parameters, usual value, how many times more from the slow commit on)
SUITE = {
    "loops.time_several": ("time", [], 1e-3, 2.0),
    "loops.time_of": ("time", [["<function f>", "[1, 2]"]], 1e-3, 1.0),
    "loops.timeraw_import": ("time", [], 1e-2, 2.0),
    "loops.peakmem_large": ("peakmemory", [], 2e8, 1.3),
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip())


def commit(root: Path, name: str) -> None:
    """Commit what is there and tag it."""
    git(root, "add", "--all")
    identity = ("-c", "user.name=n", "-c", "user.email=e")
    git(root, *identity, "commit", "--quiet", "--no-verify", "--message", name)
    git(root, "tag", name)


@pytest.fixture(scope="package")
def original(tmp_path_factory) -> Path:
    """Make a commit `base`, one that takes twice as long, and one that cannot be built."""
    root: Path = tmp_path_factory.mktemp("foreign")
    write(root / "pyproject.toml", PYPROJECT)
    write(root / ".gitignore", ".asv/\n")
    write(root / "src" / "thing" / "__init__.py", PACKAGE)
    write(root / "perf" / "asv.conf.json", CONFIGURATION)
    write(root / "perf" / "suite" / "__init__.py", "")
    write(root / "perf" / "suite" / "loops.py", BENCHMARKS)
    # Named as libraries of the judge's: whoever stands here must not give it these.
    write(root / "perf" / "rich.py", "raise ImportError('of the project')")
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root, "base")
    package = root / "src" / "thing" / "__init__.py"
    package.write_text(package.read_text().replace("TURNS = 1", "TURNS = 2"))
    commit(root, "slower")
    (root / "pyproject.toml").write_text("this is no TOML")
    commit(root, "broken")
    git(root, "checkout", "--quiet", "-B", "main", "base")
    return root


@pytest.fixture
def project(original, tmp_path) -> Path:
    """Copy the repository for one test."""
    copied = tmp_path / "project"
    shutil.copytree(original, copied)
    return copied


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Return variables by which asv, too, finds the judge, and the machine's books are not ours."""
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), "COLUMNS": "160"}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT)}


Convbench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def convbench(environment) -> Convbench:
    """Return the command, as a function of the folder where it runs and its arguments."""

    def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", _MAIN.format(root=str(ROOT)), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )

    return run


def measured(perf: Path, commits: list[str], slow: int) -> None:
    """Write what asv would have measured, in its own form."""
    conf = Config.from_json({"repo": "..", "results_dir": str(perf / ".asv" / "results")})
    listed = [
        {"name": name, "type": kind, "unit": "seconds", "code": "", "version": "1"}
        | {"param_names": [f"p{n}" for n in range(len(axes))], "params": axes}
        for name, (kind, axes, *_) in SUITE.items()
    ]
    benchmarks = Benchmarks(conf, listed)
    folder = Path(conf.results_dir, MACHINE)
    folder.mkdir(parents=True)
    facts = {"machine": MACHINE, "cpu": "A processor", "num_cpu": "2", "version": 1}
    (folder / "machine.json").write_text(json.dumps(facts))
    benchmarks.save()
    noise = random.Random(MACHINE)
    for number, commit in enumerate(commits):
        results = Results(facts, {}, commit, 1_700_000_000_000 + number, "3.11", "env", {})
        for name, (_, axes, usual, factor) in SUITE.items():
            cells = len(axes[0]) if axes else 1
            value = usual * (factor if number >= slow else 1.0) * noise.uniform(1, 1.001)
            result = BenchmarkResult(
                [value] * cells, [[value] * 3] * cells, [None] * cells, 0, "", None
            )
            results.add_result(benchmarks[name], result, record_samples=True)
        results.save(conf.results_dir)


@pytest.fixture
def history(project) -> tuple[Path, list[str]]:
    """Give the project a history that steps up at its commit `slower`, and the plugin."""
    perf = project / "perf"
    identity = ("-c", "user.name=n", "-c", "user.email=e")
    commits = []
    for start in ("base", "slower"):
        git(project, "checkout", "--quiet", "--detach", start)
        if commits:
            git(project, "checkout", "--quiet", commits[-1])
            git(project, *identity, "cherry-pick", "slower")
            commits.append(git(project, "rev-parse", "HEAD").strip())
        for number in range(COMMITS):
            git(project, *identity, "commit", "-q", "--allow-empty", "-m", f"{start} {number}")
            commits.append(git(project, "rev-parse", "HEAD").strip())
    git(project, "checkout", "--quiet", "-B", "main")
    text = (perf / "asv.conf.json").read_text()
    named = text.replace('"version": 1,', '"version": 1, "plugins": [".convbench.asv_plugin"],')
    (perf / "asv.conf.json").write_text(named)
    measured(perf, commits, COMMITS)
    return perf, commits
