"""`convbench report`: measure what is not measured yet, publish, and say who won."""

import time
from contextlib import closing
from pathlib import Path

from asv.benchmarks import Benchmarks
from asv.config import Config
from rich.console import Console

from benchmarks.sampling import SAMPLE_TIME_S
from convbench.asv_command import LOG, asv, machine_name
from convbench.chunks import Chunk, report_chunks
from convbench.progress import clock, track
from convbench.repository import commit_named, git
from convbench.store import Run, StoreError, load_benchmarks, load_config, runs
from convbench.summary import BACKWARD, FORWARD, winner_table
from convbench.tried import note_tried, tried

# From 2 samples to 8, stopping after 0.12 s: half of what a plain `asv run` takes.
_REPEAT = "repeat=2,8,0.12"


def newest_runs(conf: Config, benchmarks: Benchmarks, machine: str) -> dict[str, Run]:
    """Return the last of what a machine measured of each commit."""
    return {run.commit: run for run in runs(conf, benchmarks, machine)}


def discover(machine: str, commit: str) -> None:
    """Have asv note which benchmarks there are, in its documented way: by running none."""
    asv("run", f"{commit}^!", "--bench", "just-discover", "--machine", machine)


def measure(machine: str, commit: str, chunk: Chunk) -> None:
    """Measure one piece of one commit; asv saves it when it is done."""
    asv(
        *("run", f"{commit}^!", "--bench", chunk.regex, "--machine", machine),
        *("--record-samples", "--show-stderr", "-a", "rounds=1", "-a", _REPEAT),
    )
    note_tried(machine, commit, chunk.cells)


def _measure(
    machine: str, commit: str, chunks: list[Chunk], budget_s: float, console: Console
) -> int:
    """Measure one chunk after the other while the budget lasts; return how many were measured."""
    titles = [chunk.title for chunk in chunks]
    steps = track(titles, [chunk.expected_s for chunk in chunks], console, budget_s)
    with closing(steps):
        for index, forecast in steps:
            # The first is always measured: who calls again and again comes to an end.
            if index and not forecast.has_time:
                return index
            measure(machine, commit, chunks[index])
    return len(chunks)


def _timed_s(run: Run, chunks: list[Chunk]) -> float:
    """Seconds inside timed samples, of the cells in `chunks`."""
    cells = {cell for chunk in chunks for cell in chunk.cells}
    return sum(
        record.samples * max(record.value, SAMPLE_TIME_S)
        for record in run.records
        if record.samples and (record.benchmark, tuple(record.params.values())) in cells
    )


def report(machine: str | None, console: Console, *, again: bool, budget_s: float) -> None:
    """Measure HEAD's missing cells (all with `again`), publish, print the tables.

    Parts that the budget has no time for are left to the next call.

    Raises
    ------
    StoreError, AsvError
        With a message of one line.
    """
    start = time.monotonic()
    conf = load_config()
    commit = commit_named(Path.cwd(), "HEAD")
    if git(Path.cwd(), "status", "--porcelain", "--", "fftconv"):
        console.print(f"fftconv/ has changes that are not committed: {commit[:8]} is measured")
    name = machine_name(machine)
    LOG.unlink(missing_ok=True)
    with console.status("preparing the environment and finding the benchmarks"):
        discover(name, commit)
    benchmarks = load_benchmarks(conf)
    chunks = report_chunks(benchmarks)
    before = newest_runs(conf, benchmarks, name).get(commit)
    noted = tried(name, commit)
    pending = [chunk for chunk in chunks if again or not chunk.measured_in(before, noted)]
    if len(pending) < len(chunks):
        console.print(
            f"{len(chunks) - len(pending)} of {len(chunks)} parts are measured for "
            f"{commit[:8]} already; --again measures them anew"
        )
    measuring = time.monotonic()
    done = pending[: _measure(name, commit, pending, budget_s, console)]
    measured_s = time.monotonic() - measuring
    with console.status("publishing"):
        asv("publish")
    run = newest_runs(conf, benchmarks, name).get(commit)
    if run is None:
        raise StoreError(f"asv left no results of {commit[:8]} for {name}; see {LOG}")
    print_results(run, console)
    left = pending[len(done) :]
    if done:
        console.print(
            f"measured {sum(len(chunk.cells) for chunk in done)} cells in {clock(measured_s)}, "
            f"{_timed_s(run, done) / measured_s:.0%} of it inside timed samples; "
            f"{clock(time.monotonic() - start)} in all"
        )
    if left:
        console.print(
            f"{len(left)} of {len(chunks)} parts found no time in {clock(budget_s)} "
            f"({', '.join(sorted({name for chunk in left for name, _ in chunk.cells}))}): "
            "the next report goes on with them; --budget 30m takes more at once"
        )
    _print_failures(run, [chunk for chunk in chunks if chunk not in left], console)
    page = Path(conf.html_dir) / "index.html"
    console.print(f"report: {page} (make preview serves and opens it)", soft_wrap=True)


def print_results(run: Run, console: Console) -> None:
    """Print the fastest method of each cell, forward and backward."""
    console.print(f"\n{run.machine}, commit {run.commit[:8]}, float32, median of one call")
    for title, benchmark in (("forward", FORWARD), ("backward", BACKWARD)):
        table = winner_table(run, benchmark, f"fastest method, {title}")
        console.print(table if table.row_count else f"{title}: no cell is measured yet")
    console.print("(2x): the next method takes twice as long; a = b: too close to call\n")


def _print_failures(run: Run, chunks: list[Chunk], console: Console) -> None:
    measured = {(record.benchmark, tuple(record.params.values())) for record in run.records}
    failed = sorted({cell for chunk in chunks for cell in chunk.cells} - measured, key=str)
    if failed:
        shown = "; ".join(f"{name}{values}" for name, values in failed[:3])
        console.print(f"{len(failed)} cells failed ({LOG} says why): {shown}", style="red")
