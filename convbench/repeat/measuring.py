"""Measure one commit again, in a run of its own."""

from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from convbench.asv.elsewhere import conf_with_results
from convbench.command_line.progress import track
from convbench.measuring.chunks import Chunk, report_chunks
from convbench.measuring.measure import (
    disturbed,
    measure,
    newest_runs,
    once_more,
)
from convbench.repeat.samples import VERSION, Sample
from convbench.results.reasons import cell_name
from convbench.results.store import Run, load_benchmarks, load_config, machine_facts
from convbench.suite.conditions import burning, written
from convbench.suite.resolved import cell_of_method

# How often cells that were disturbed are tried again.
_ROUNDS = 1


@dataclass(frozen=True)
class Study:
    """What is measured again and again."""

    folder: Path
    """Where asv's results of each run go."""
    machine: str
    commit: str
    bench: str
    source: Path = Path("asv.conf.json")
    """asv's configuration, of which each run has a copy."""
    environment: str | None = None
    """As asv's ``-E``."""

    def chunks(self) -> list[Chunk]:
        """Return the timed cells in pieces."""
        return report_chunks(load_benchmarks(load_config(self.source)), self.bench)

    def conf(self, number: int) -> Path:
        """Return asv's configuration for a run."""
        return conf_with_results(self.folder / str(number), self.source)

    def found(self, number: int) -> Run | None:
        """Return what a run has measured so far."""
        conf = load_config(self.folder / str(number) / "asv.conf.json")
        known = load_benchmarks(load_config(self.source))
        return newest_runs(conf, known, self.machine).get(self.commit)


def run_again(study: Study, number: int, burnt: float, console: Console) -> list[Sample]:
    """Measure what the run of this number lacks, beside a burner, and return its samples."""
    conf = study.conf(number)
    chunks = study.chunks()
    found = study.found(number)
    pending = [c.narrowed(cells) for c in chunks if (cells := c.missing(found))]
    with burning(burnt) if burnt else nullcontext():
        _measure(study, conf, pending, number, console)
        for _ in range(_ROUNDS):
            cells = frozenset().union(*(chunk.cells for chunk in chunks))
            again = once_more(disturbed(study.found(number), cells))
            _measure(study, conf, again, number, console)
    run = study.found(number)
    return [] if run is None else _samples(study, run, number, burnt)


def _measure(study: Study, conf: Path, chunks: list[Chunk], number: int, console: Console) -> None:
    titles = [f"run {number}: {chunk.title}" for chunk in chunks]
    with closing(track(titles, [chunk.expected_s for chunk in chunks], console)) as steps:
        for index, _ in steps:
            chunk = chunks[index]
            measure(study.machine, study.commit, chunk, conf=conf, environment=study.environment)


def _samples(study: Study, run: Run, number: int, burnt: float) -> list[Sample]:
    cells = {cell for chunk in study.chunks() for cell in chunk.cells}
    processor = machine_facts(load_config(study.conf(number)), run.machine).get("cpu", "")
    return [
        Sample(
            version=VERSION,
            machine=run.machine,
            processor=processor,
            commit=run.commit,
            run=number,
            burnt=burnt,
            benchmark=record.benchmark,
            threads=str(record.params.get("threads", "all")),
            cell=(cell := cell_name(record.key)),
            seconds=None if record.skipped else record.value,
            same_as=cell_of_method(cell),
            slowdown=record.slowdown,
            settings=written(run.settings),
        )
        for record in run.records
        if record.key in cells and (record.disturbed or not record.skipped)
    ]
