"""Measure what the commits of a range lack, on every kind of host that the cluster has."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from asv.benchmarks import Benchmarks
from asv.config import Config
from rich.console import Console
from rich.table import Table

from convbench.command_line.failure import CommandError, MisuseError
from convbench.files.atomic import replacing
from convbench.measuring.chunks import Chunk, report_chunks
from convbench.measuring.measure import newest_runs
from convbench.repository.commits import message
from convbench.repository.package import has_package
from convbench.results.store import load_benchmarks
from convbench.suite.facts import PACKAGE
from convbench.sweep.dealing import Item, Outcome
from convbench.sweep.hosts import Kind
from convbench.sweep.merging import merge
from convbench.sweep.notes import add_note, note, notes_file
from convbench.sweep.saving import Saved, unpack
from convbench.sweep.suite import Suite

_DISCOVERY_S = 60.0


@dataclass(frozen=True)
class Part:
    """A piece of one commit, on one kind of host."""

    kind: Kind
    commit: str
    chunk: Chunk

    @property
    def item(self) -> Item:
        """What a worker is to do."""
        return Item(
            f"{self.commit[:8]} {self.chunk.title} on {self.kind.machine}",
            self.kind,
            ("measure", self.commit, self.chunk.regex),
            self.chunk.expected_s,
            self.commit[:8],
        )


def discovery(kinds: list[Kind]) -> Item:
    """Return the item that finds which benchmarks there are, as of the working tree."""
    title = "finding the benchmarks"
    return Item(title, kinds[0], ("discover",), _DISCOVERY_S, title)


def keep_discovered(outcome: Outcome, conf: Config) -> None:
    """Keep asv's list of the benchmarks, which says into which parts the suite is cut.

    Raises
    ------
    CommandError
        They could not be found.
    """
    if outcome.problem:
        raise CommandError(f"the benchmarks cannot be found: {outcome.problem}")
    folder = Path(conf.results_dir)
    with replacing(folder / "benchmarks.json") as temporary:
        temporary.write_bytes(outcome.files["results/benchmarks.json"])


class Commits(Saved[Part]):
    """The parts that are lacking, and how their results are saved."""

    def __init__(
        self,
        suite: Suite,
        kinds: list[Kind],
        commits: list[str],
        bench: str | None,
        console: Console,
    ) -> None:
        self._conf = suite.conf
        self._benchmarks: Benchmarks = load_benchmarks(self._conf)
        # Of another project's suite nothing is left to a plain `asv run`.
        everything = None if suite.own else ""
        chunks = report_chunks(self._benchmarks, everything if bench is None else bench)
        if not chunks:
            raise MisuseError(f"no cell of the suite matches --bench {bench!r}")
        skipped = [commit for commit in commits if suite.own and not has_package(commit)]
        runs = {k.machine: newest_runs(self._conf, self._benchmarks, k.machine) for k in kinds}
        self.parts = [
            Part(kind, commit, chunk.narrowed(cells))
            for commit in commits
            if commit not in skipped
            for chunk in chunks
            for kind in kinds
            if (cells := chunk.missing(runs[kind.machine].get(commit)))
        ]
        self._print(kinds, commits, skipped, console)

    def save(self, part: Part, outcome: Outcome) -> None:
        """Add what came back to the machine's results, and note the host."""
        results_dir = Path(self._conf.results_dir)
        with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
            unpack(outcome.files, Path(folder))
            merged = merge(
                Path(folder, "results"), results_dir, part.kind, part.chunk.cells, self._benchmarks
            )
        for path in merged:
            noted = note(outcome.host, outcome.address, part.chunk.regex)
            add_note(notes_file(path), noted)

    def _print(
        self, kinds: list[Kind], commits: list[str], skipped: list[str], console: Console
    ) -> None:
        table = Table("commit", "message", *(kind.machine for kind in kinds), title="newest first")
        for commit in commits:
            counts = [
                sum(part.commit == commit and part.kind == kind for part in self.parts)
                for kind in kinds
            ]
            states = [f"{count} to measure" if count else "has results" for count in counts]
            if commit in skipped:
                states = [f"skipped: it has no {PACKAGE} that could be installed"] * len(kinds)
            table.add_row(commit[:8], message(commit), *states)
        console.print(table)
