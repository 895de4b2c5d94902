"""The process that measures one side of a pair: a script of its own, apart from the user's Python.

It is told what to do by lines of JSON on its standard input, does one thing at a time, and answers
each with one line. Waiting for the next line, it sleeps: the other side has the machine.

It imports nothing of convbench, and its own side's package alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import io
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
_TASKS = Path("/proc/self/task")
_REST_S = 0.0002
_REST_AT_MOST_S = 0.25
# Where no thread's state can be read: OpenMP's spin for some milliseconds.
_REST_BLINDLY_S = 0.01


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when the gate ends, however that ends."""
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere a closed pipe does
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)  # it was gone before the line above


def rest() -> None:
    """Wait until no other thread of this process runs: OpenMP's spin for a while after work.

    They would take the core from the other side. The processor time of the process does not say
    it: a thread's is added at the clock's ticks, and between two of them it seems to rest.
    """
    if not _TASKS.is_dir():
        time.sleep(_REST_BLINDLY_S)
        return
    end = time.perf_counter() + _REST_AT_MOST_S
    while others_run() and time.perf_counter() < end:
        time.sleep(_REST_S)


def others_run() -> bool:
    """Whether another thread of this process works or spins."""
    own = str(threading.get_native_id())
    for task in _TASKS.iterdir():
        with contextlib.suppress(OSError):  # it has ended since it was listed
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            if state == "R" and task.name != own:
                return True
    return False


def stay_on(core: int) -> None:
    """Keep this thread on one core, and all others of this process off it.

    Two threads of one parallel region on the same core would wait for each other's time slices.
    """
    others = _CORES - {core} or _CORES
    own = threading.get_native_id()
    for thread in (int(task.name) for task in _TASKS.iterdir()):
        with contextlib.suppress(ProcessLookupError):  # it has ended since it was listed
            os.sched_setaffinity(thread, {core} if thread == own else others)


def _stopped() -> int:
    """Return how often the kernel has taken the core from this thread for something else."""
    who = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    return resource.getrusage(who).ru_nivcsw


def _asv_cell() -> Any:
    """Return the module beside this script: its folder is no place to import from."""
    file = Path(__file__).with_name("asv_cell.py")
    spec = importlib.util.spec_from_file_location(f"convbench_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PreparedCell:
    """One cell of this suite: set up, measured block by block, torn down."""

    def __init__(self, folder: Path, name: str, index: int | None) -> None:
        from asv_runner.discovery import get_benchmark_from_name

        identity = name if index is None else f"{name}-{index}"
        self.benchmark = get_benchmark_from_name(str(folder), identity)
        cache = self.benchmark.do_setup_cache()
        if cache is not None:
            self.benchmark.set_cache(cache)

    @property
    def _instance(self) -> Any:
        return getattr(self.benchmark.func, "__self__", None)

    @property
    def _loops_inside(self) -> bool:
        """Whether it is of those that are told how often to call (benchmarks.sampling)."""
        return hasattr(self._instance, "take")

    def set_up(self) -> str | None:
        """Make the operands; return why the cell is skipped, None if it is not."""
        if self._loops_inside:
            self._instance.turns = True  # the gate says when it works
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            skipped = self.benchmark.do_setup()
        if not skipped:
            return None
        return printed.getvalue().strip().removeprefix("asv: skipped: ") or "skipped by its params"

    def block(self, number: int, *, warm: bool) -> dict[str, Any]:
        """Return the seconds of one call, of `number` calls in a row, and how often it was stopped.

        Stopped by the kernel, to let something else have the core. The other side has filled the
        caches: one call that is not counted fills them again.
        """
        calls = number
        body: Callable[[], object] = self.benchmark._param_bound_func(
            *self.benchmark._build_params()
        )
        # What benchmarks time that loop inside is one call already; others are called in a loop.
        first, timer = body, self.benchmark.timer
        if self._loops_inside:
            self._instance.take(number)
            first, timer, number = self._instance.call, self._instance.timer, 1
        gc.disable()  # as timeit does, and so asv
        try:
            if warm:
                first()
            stopped = _stopped()
            start = timer()
            for _ in range(number):
                body()
            seconds = float(timer() - start) / number
            return {"seconds": seconds, "stopped": _stopped() - stopped, "calls": calls}
        finally:
            gc.enable()

    def tear_down(self) -> None:
        """Let go of the operands."""
        self.benchmark.do_teardown()


class Responder:
    """What the gate can ask for."""

    kinds: tuple[str, ...] = ("TimeBenchmark",)

    def __init__(self, benchmarks: Path) -> None:
        self.benchmarks = benchmarks
        self.cell: Any = None

    def catalogue(self) -> dict[str, Any]:
        """List every timed benchmark, as asv finds it: its name, and the cells' parameters."""
        from asv_runner.discovery import disc_benchmarks

        found = {
            benchmark.name: benchmark.params
            for benchmark in disc_benchmarks(str(self.benchmarks))
            if type(benchmark).__name__ in self.kinds
        }
        return {"benchmarks": found}

    def prepared(self, name: str, index: int | None) -> Any:
        """Return a cell that is not set up yet."""
        return PreparedCell(self.benchmarks, name, index)

    def set_up(self, name: str, index: int | None) -> dict[str, Any]:
        """Make one cell ready, in place of the one before."""
        self.tear_down()
        cell = self.prepared(name, index)
        skipped = cell.set_up()
        if skipped is None:
            self.cell = cell
        return {"skipped": skipped}

    def block(self, number: int, warm: bool, core: int | None) -> dict[str, Any]:
        """Measure the cell that is set up, on one core if one is named."""
        assert self.cell is not None
        if core is not None:
            stay_on(core)
        measured: dict[str, Any] = self.cell.block(number, warm=warm)
        return measured

    def tear_down(self) -> dict[str, Any]:
        """Let go of the cell's operands."""
        if self.cell is not None:
            self.cell.tear_down()
            self.cell = None
            gc.collect()
        return {}


class AsvResponder(Responder):
    """The same of another project's suite, whose package is where its environment has it."""

    def __init__(self, benchmarks: Path, caches: Path, repeated: float) -> None:
        super().__init__(benchmarks)
        self._cells = _asv_cell()
        self._caches, self._repeated = caches, repeated
        self.kinds = self._cells.TIMED

    def prepared(self, name: str, index: int | None) -> Any:
        """Return a cell that is not set up yet."""
        return self._cells.AsvCell(
            self.benchmarks, name, index, self._caches, _stopped, self._repeated
        )


def _import(request: dict[str, Any]) -> Responder:
    """Load the benchmarks' discovery, and this side's package where it is in a folder of ours."""
    from asv_runner._aux import update_sys_path

    benchmarks = Path(request["benchmarks"])
    update_sys_path(str(benchmarks))
    if request["package"] is None:
        # Read where they are, as asv reads them; nothing is left there.
        sys.dont_write_bytecode = True
        __import__(request["warm"])
        return AsvResponder(benchmarks, Path(request["caches"]), request["repeated"])
    package = Path(request["package"])
    sys.path.insert(0, str(package))
    __import__(request["warm"])
    subject = sys.modules.get(request["subject"]) or __import__(request["subject"])
    if not Path(str(subject.__file__)).is_relative_to(package):
        raise ImportError(f"{request['subject']} was imported from {subject.__file__}")
    return Responder(benchmarks)


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def main() -> None:
    """Answer requests until the gate closes the pipe."""
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    responder: Responder | None = None
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        try:
            if do == "import":
                die_with_parent(request["parent"])
                responder = _import(request)
                answer: dict[str, Any] = {}
            else:
                answer = getattr(responder, do)(**request)
            rest()
        except Exception as error:  # whatever a benchmark raises is reported
            answer = {"error": _reason(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
