"""The suite that is measured: this repository's, or another project's in some folder of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convbench.building.configured import entered, opened
from convbench.command_line.failure import MisuseError
from convbench.repository.git import git
from convbench.results.store import load_config
from convbench.suite.place import has_suite, is_clone

if TYPE_CHECKING:
    from asv.config import Config

_EXISTING = "existing"


@dataclass(frozen=True)
class Place:
    """Where the suite is in its repository, and what an item is told of it."""

    folder: str
    own: bool
    """Whether the repository is this one, which brings the judge along."""
    options: tuple[str, ...] = ()


OWN = Place(".", own=True)


@dataclass(frozen=True)
class Suite:
    """A suite, opened: the working directory is that of its configuration."""

    conf: "Config"
    name: Path | None
    """Of asv's configuration, None for the usual one."""
    environment: str | None
    """As asv's ``-E``."""
    root: Path
    """Of the repository that workers get."""
    own: bool
    """Whether it is this repository's, which brings its own judge along."""

    @property
    def place(self) -> Place:
        """Say where workers find it."""
        named = () if self.name is None else ("--config", str(self.name))
        chosen = () if self.environment is None else ("--environment", self.environment)
        folder = Path.cwd().resolve().relative_to(self.root).as_posix()
        return Place(folder, self.own, (*named, *chosen))

    def check_environment(self) -> None:
        """Refuse an environment that asv installs no commit into.

        Raises
        ------
        MisuseError
            It is an existing one.
        """
        chosen = self.environment or self.conf.environment_type or ""
        if chosen.partition(":")[0] == _EXISTING:
            raise MisuseError(
                "asv measures commits in an environment of its own, in no existing one"
            )


def open_suite(config: Path | None, environment: str | None) -> Suite:
    """Open the suite of a configuration, or of the working directory's.

    Raises
    ------
    MisuseError
        There is none, asv refuses it, or it does not lie in the repository that it measures.
    """
    name = entered(config)
    own = is_clone(Path.cwd()) and has_suite()
    if own and name is None:
        return Suite(load_config(), None, environment, Path.cwd().resolve(), own)
    conf = opened(name)
    root = Path(git(Path.cwd(), "rev-parse", "--show-toplevel").rstrip("\n"))
    repo = Path(str(conf.repo))
    if not repo.is_dir() or not (repo / ".git").exists() or repo.resolve() != root.resolve():
        raise MisuseError(
            f"this suite's repo is {conf.repo}: a sweep is of the repository that the suite lies in"
        )
    return Suite(conf, name, environment, root.resolve(), own)
