"""A run with all that a reader has to know of it: the machine, the versions, the grids."""

import datetime
from dataclasses import dataclass

from asv.benchmarks import Benchmarks
from asv.config import Config

from convbench.results.grid import Grid, grids, threads
from convbench.results.store import Run, machine_facts, machines, runs

# asv's own graphs show every commit; a page holds as many as a reader will choose among.
RUNS_PER_MACHINE = 8


@dataclass(frozen=True)
class Source:
    """One run with its machine's description."""

    run: Run
    facts: dict[str, str]
    grids: list[Grid]

    @property
    def label(self) -> str:
        """Name the run within its machine."""
        return f"{self.run.commit[:8]}, {self.date}, Python {self.python}"

    @property
    def date(self) -> str:
        """Day of the commit, UTC."""
        moment = datetime.datetime.fromtimestamp(self.run.date_ms / 1000, datetime.timezone.utc)
        return f"{moment:%Y-%m-%d}"

    @property
    def python(self) -> str:
        """The interpreter's version, without its path where asv was given one."""
        return self.run.python.rsplit("/", 1)[-1].removeprefix("python") or "?"

    def provenance(self) -> list[tuple[str, str]]:
        """Say under what conditions the numbers were measured, as names and values."""
        facts = self.facts
        libraries = ", ".join(f"{n} {v}".strip() for n, v in self.run.requirements.items())
        cpu = facts.get("cpu") or "processor not recorded"
        return [
            ("machine", f"{self.run.machine} ({cpu}, {facts.get('num_cpu') or '?'} cores)"),
            ("commit", f"{self.run.commit[:8]} of {self.date}"),
            ("threads", threads(self.run)),
            ("libraries", f"Python {self.python}, {libraries or 'versions not recorded'}"),
        ]

    @property
    def caption(self) -> str:
        """The conditions in one line."""
        return "; ".join(f"{name} {value}" for name, value in self.provenance())


def sources(conf: Config, benchmarks: Benchmarks) -> list[Source]:
    """Return the newest runs of every machine that measured convolutions, newest first."""
    found = []
    for machine in machines(conf):
        facts = machine_facts(conf, machine)
        measured = [(run, grids(run)) for run in reversed(runs(conf, benchmarks, machine))]
        full = [Source(run, facts, known) for run, known in measured if known]
        found += full[:RUNS_PER_MACHINE]
    return found
