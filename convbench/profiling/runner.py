"""Run the worker for one cell, watch its memory, and put together what it found."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from convbench.command_line.failure import CommandError, MisuseError
from convbench.command_line.progress import Announce
from convbench.files.atomic import replacing
from convbench.limits.bound import Bound, bound
from convbench.limits.machine import Limits
from convbench.profiling.machine import machine_text
from convbench.profiling.memory import MemoryCurve, MemoryWatch, curve
from convbench.profiling.phases import Phase, phases
from convbench.profiling.spec import Spec
from convbench.profiling.trace import Event, median_call, read_calls
from convbench.repository.package import ROOT, package
from convbench.suite.conditions import in_force, written

# The subject comes first on the path, so that another commit's is imported instead of ours.
_START = "import sys; sys.path[:0] = {path!r}; from convbench.profiling.worker import main; main()"


@dataclass(frozen=True)
class Profile:
    """Everything that is known of one cell."""

    spec: Spec
    commit: str
    """Hash, or `working tree`."""
    times_s: list[float]
    first_call_s: float
    new_pages: int
    """Pages of memory that the kernel gave the process during a call."""
    kept_s: float | None
    """Median seconds where the process kept the memory that its calls free, if it had not."""
    traced_s: float
    """Duration of the traced call that is shown: the tracer makes Python slower."""
    phases: list[Phase]
    call: Event
    calls: list[Event]
    memory: MemoryCurve
    limit: Bound
    threads: int
    versions: dict[str, str]
    settings: dict[str, str]
    """Variables that were set meanwhile, and may change a time."""

    @property
    def median_s(self) -> float:
        """Median seconds of a call that nothing traced."""
        return sorted(self.times_s)[len(self.times_s) // 2]

    @property
    def fraction(self) -> float:
        """Fraction of the machine's limit that the cell reached."""
        return self.limit.seconds / self.median_s

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """What the numbers were measured with, as names and values."""
        libraries = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return [
            ("machine", machine_text()),
            ("commit", self.commit),
            ("dtype", self.spec.dtype),
            ("threads", str(self.threads)),
            ("libraries", libraries),
            *([("settings", written(self.settings))] if self.settings else []),
        ]

    def summary(self) -> dict[str, Any]:
        """Return the numbers for other programs; times in seconds."""
        return {
            "version": 1,
            "cell": asdict(self.spec),
            "commit": self.commit,
            "median_s": self.median_s,
            "times_s": self.times_s,
            "first_call_s": self.first_call_s,
            "new_pages": self.new_pages,
            "kept_s": self.kept_s,
            "traced_s": self.traced_s,
            "limit_s": self.limit.seconds,
            "limited_by": self.limit.limited_by,
            "peak_bytes": self.memory.peak_bytes,
            "threads": self.threads,
            "versions": self.versions,
            "settings": self.settings,
            "phases": [asdict(phase) for phase in self.phases],
        }


def _converse(
    process: "subprocess.Popen[str]", request: dict[str, Any], errors: IO[str], announce: Announce
) -> tuple[dict[str, Any], MemoryWatch]:
    """Tell the worker what to do and follow its steps; return its result and the watch.

    If it ends before that, the last line of what it wrote to `errors` says why.
    """
    watch = MemoryWatch(process.pid)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.close()
    try:
        for line in process.stdout:
            if not line.startswith("{"):
                continue  # libraries print, too
            message = json.loads(line)
            if "refused" in message:
                raise MisuseError(message["refused"])
            if "error" in message:
                raise CommandError(message["error"])
            if "result" in message:
                return message["result"], watch
            announce(message["step"])
            if message.get("watch") is True:
                watch.start()
            elif message.get("watch") is False:
                watch.stop()
    finally:
        watch.stop()
    ended = f"the profiled process ended early (status {process.wait()})"
    errors.seek(0)
    last = errors.read().strip().rsplit("\n", 1)[-1]
    raise CommandError(f"{ended}: {last}" if last else ended)


def profile(
    spec: Spec, commit: str | None, limits: Callable[[int], Limits], trace: Path, announce: Announce
) -> Profile:
    """Profile one cell in a process of its own and leave its trace at `trace`.

    `limits` is asked for the machine's limits with the threads that the cell took.

    Raises
    ------
    MisuseError
        The sizes make no sense, the method cannot do the cell, or there is no such commit.
    CommandError
        The cell could not be profiled, of no fault of who asked.
    """
    problem = spec.problem()
    if problem is not None:
        raise MisuseError(problem)
    trace.parent.mkdir(parents=True, exist_ok=True)
    with (
        package(commit) as (folder, name),
        tempfile.TemporaryFile("w+") as errors,
        replacing(trace, suffix=trace.suffix) as written_trace,
    ):
        code = _START.format(path=[str(folder), str(ROOT)])
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=trace.parent,
        )
        try:
            request = {"spec": asdict(spec), "trace": str(written_trace.resolve())}
            result, watch = _converse(process, request, errors, announce)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if Path(result["fftconv"]).resolve() != folder.resolve():
            raise CommandError(f"the profiled process imported fftconv from {result['fftconv']}")
        calls = read_calls(written_trace)
    call = median_call(calls)
    known = limits(result["threads"])
    return Profile(
        spec=spec,
        commit=name,
        times_s=result["times_s"],
        first_call_s=result["first_call_s"],
        new_pages=result["new_pages"],
        kept_s=result["kept_s"],
        traced_s=call.duration_s,
        phases=phases(call, spec, known),
        call=call,
        calls=calls,
        memory=curve(watch.samples, [(a, b) for a, b in result["watched"]]),
        limit=bound(spec.work, known),
        threads=result["threads"],
        versions=result["versions"],
        settings=in_force(),
    )
