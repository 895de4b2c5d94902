"""Have asv find the benchmarks of a commit, and measure pieces of it."""

from asv.benchmarks import Benchmarks
from asv.config import Config

from convbench.asv.command import asv
from convbench.measuring.chunks import Chunk
from convbench.results.store import Run, runs
from convbench.results.tried import note_tried

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
