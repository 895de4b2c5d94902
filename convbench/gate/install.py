"""Both packages installed where only the workers find them: the user's environment stays as is."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from convbench.building.interpreter import Interpreter
from convbench.command_line.failure import MisuseError
from convbench.gate.checkout import check_out, run_folder
from convbench.gate.revisions import Revision
from convbench.repository.working_tree import copy_working_tree
from convbench.suite.conditions import method_modules
from convbench.suite.facts import PACKAGE

# As long as each other, so that no path, and nothing that its length moves, differs between them.
SIDES = ("base", "head")

# As asv.conf.json installs a commit: the dependencies are there, and nothing is fetched.
_PIP = ("install", "--quiet", "--disable-pip-version-check", "--no-input")
_OFFLINE = ("--no-deps", "--no-build-isolation", "--no-index")


@dataclass(frozen=True)
class Installed:
    """What is to be compared, ready to be imported."""

    folder: Path
    """Private to this run."""
    base: Path
    head: Path
    benchmarks: Path
    """This working tree's benchmarks, as they were when the gate began."""
    interpreters: Mapping[str, Interpreter] | None = None
    """Of each side, where asv installed it; None where it is in the side's folder."""
    repeated: float | None = None
    """The share of HEAD's calls that is made twice, for a slowdown that is known."""

    def interpreter(self, name: str) -> Interpreter:
        """Return what starts a process of one of `SIDES`."""
        return Interpreter() if self.interpreters is None else self.interpreters[name]

    def request(self, name: str) -> dict[str, object]:
        """Return what a process of one of `SIDES` is told to import."""
        if self.interpreters is None:
            return {"package": str(self.side(name)), "subject": PACKAGE}
        share = self.repeated if name == SIDES[1] or self.repeated is None else 0.0
        return {"package": None, "caches": str(self.side(name)), "repeated": share}

    def module(self, name: str) -> str:
        """Return the module that a pair imports first which begins with a benchmark's `name`."""
        if self.interpreters is None:
            return f"{self.benchmarks.name}.{name.partition('.')[0]}"
        return self.benchmarks.name  # asv names a benchmark of the package itself by no module

    def side(self, name: str) -> Path:
        """Return the folder that holds the package of one of `SIDES`."""
        return self.base if name == SIDES[0] else self.head


# git writes its list of worktrees; two at once could disturb each other.
_CHECKING_OUT = threading.Lock()


def install(root: Path, revision: Revision, target: Path) -> Path:
    """Check a revision out beside `target`, and install its package into `target`.

    Raises
    ------
    MisuseError
        It cannot be installed; with the last line that pip said.
    """
    source = target.with_name(f"{target.name}-source")
    with _CHECKING_OUT:
        check_out(root, revision, source)
    done = subprocess.run(
        [sys.executable, "-m", "pip", *_PIP, *_OFFLINE, "--target", str(target), str(source)],
        cwd=target.parent,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["pip said nothing"]
        raise MisuseError(f"{revision} cannot be installed: {said[-1]}")
    return target


def _own_folders() -> Iterator[str]:
    """Name what may hold somebody's methods in the working tree, which the cells then import."""
    for module in method_modules():
        top = module.partition(".")[0]
        yield from (f"{top}/", f"{top}.py")


@contextlib.contextmanager
def installed(root: Path, base: Revision, head: Revision) -> Iterator[Installed]:
    """Check out and install both revisions; remove everything at the end.

    Raises
    ------
    MisuseError
        One of them cannot be installed.
    """
    with run_folder(root) as folder:
        copy_working_tree(root, folder, "benchmarks", *_own_folders())
        targets = [folder / name for name in SIDES]
        with ThreadPoolExecutor(len(SIDES)) as pool:
            made = list(pool.map(install, (root, root), (base, head), targets))
        yield Installed(folder, made[0], made[1], benchmarks=folder / "benchmarks")
