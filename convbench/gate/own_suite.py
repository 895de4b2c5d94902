"""The two sides of this repository's own suite: its package alone differs between them."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convbench.gate.install import Installed, installed
from convbench.gate.revisions import Revision, revisions
from convbench.suite.facts import GATE_CELLS


@dataclass(frozen=True)
class OwnSuite:
    """The suite of a clone."""

    root: Path
    default_cells = GATE_CELLS
    builds = False
    notes = ()

    def revisions(self, base: str, head: str | None) -> tuple[Revision, Revision]:
        """Return baseline and contender; `head` None means the working tree."""
        return revisions(self.root, base, head)

    @contextlib.contextmanager
    def installed(
        self, base: Revision, head: Revision, tell: Callable[[str], None]
    ) -> Iterator[Installed]:
        """Check out and install both sides."""
        tell("checking out and installing both")
        with installed(self.root, base, head) as sides:
            yield sides
