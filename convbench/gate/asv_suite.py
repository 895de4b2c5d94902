"""The two sides of any asv suite: which commits, and what asv builds of them."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convbench.building.configured import benchmarks_of, entered, opened
from convbench.building.sides import build, chosen_environment
from convbench.building.source import Source, commit_of, project_repository, working_tree
from convbench.gate.checkout import run_folder
from convbench.gate.install import SIDES, Installed
from convbench.gate.revisions import Revision


@dataclass(frozen=True)
class AsvSuite:
    """A suite, opened: the working directory is that of its configuration."""

    conf: Any
    environment: str | None
    """As asv's ``-E``."""
    benchmarks: Path
    repository: Any
    notes: list[str]
    default_cells = ""
    builds = True
    """Whether installing may take minutes, which the budget is not for."""

    def revisions(self, base: str, head: str | None) -> tuple[Revision, Revision]:
        """Return baseline and contender; `head` None means the working tree.

        Raises
        ------
        MisuseError
            One of the names names no commit.
        """
        before = Revision(commit_of(self.repository, base), base)
        if head is None:
            return before, Revision(None, "")
        return before, Revision(commit_of(self.repository, head), head)

    @contextlib.contextmanager
    def installed(
        self, base: Revision, head: Revision, tell: Callable[[str], None]
    ) -> Iterator[Installed]:
        """Build and install both sides, each in an environment of its own.

        Raises
        ------
        MisuseError
            One of them cannot be built.
        """
        with run_folder(Path.cwd()) as folder:
            sources = {
                side: self._source(revision, folder)
                for side, revision in zip(SIDES, (base, head), strict=True)
            }
            made = build(self.conf, self.environment, sources, folder, tell)
            base_home, head_home = (folder / side for side in SIDES)
            for home in (base_home, head_home):
                home.mkdir()
            yield Installed(folder, base_home, head_home, self.benchmarks, made)

    def _source(self, revision: Revision, folder: Path) -> Source:
        if revision.commit is None:
            return working_tree(self.conf, folder)
        return Source(self.repository, revision.commit)


def open_suite(config: Path | None, environment: str | None) -> AsvSuite:
    """Open the suite of a configuration, or of the working directory's.

    Raises
    ------
    MisuseError
        There is none, or asv refuses it.
    """
    conf = opened(entered(config))
    benchmarks = benchmarks_of(conf)
    _, notes = chosen_environment(conf, environment)
    return AsvSuite(conf, environment, benchmarks, project_repository(conf), notes)
