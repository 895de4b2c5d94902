"""A worker seen from the gate: started, asked, listened to, ended."""

import contextlib
import json
import os
import random
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convbench.gate.failure import WorkerError
from convbench.gate.install import Installed
from convbench.suite.conditions import in_force

_WORKER = Path(__file__).with_name("worker.py")
# A page: what the environment's size shifts is where the stack begins within one.
_PADDING_BYTES = 4096
ANSWER_WITHIN_S = 120.0


# As ``python -I`` starts a script, but for variables that change what is measured (PYTHONMALLOC).
_START = """
import runpy, sys
sys.path[:] = [folder for folder in sys.path if folder]
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def _without_pythons_own(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that say what Python imports, and from where."""
    settings = in_force(environ)
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("PYTHON") or name in settings
    }


class Worker:
    """One fresh process that measures one side."""

    def __init__(self, sides: Installed, side: str, warm: str, dice: random.Random) -> None:
        self.side = side
        self._errors = (sides.folder / f"{side}.log").open("wb+")
        # Where the stack lies moves a program's speed by a percent or two, and the size of the
        # environment moves the stack: drawn anew for each process, that averages out.
        padding = {"PADDING": "x" * dice.randrange(_PADDING_BYTES)}
        interpreter = sides.interpreter(side)
        environment = {
            **_without_pythons_own(os.environ),
            **padding,
            **interpreter.variables,
        }
        self._process = subprocess.Popen(
            [interpreter.python, "-s", "-c", _START, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=sides.side(side),
            env=environment,
        )
        self._unread = b""
        self.ask(
            "import",
            parent=os.getpid(),
            benchmarks=str(sides.benchmarks),
            warm=warm,
            **sides.request(side),
        )

    def ask(self, do: str, **details: Any) -> None:
        """Send one request."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **details}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise WorkerError(self._ended()) from None

    def answer(self, within_s: float = ANSWER_WITHIN_S) -> dict[str, Any]:
        """Wait for the answer to the request before.

        Raises
        ------
        WorkerError
            The process ended, took too long, or could not do what was asked.
        """
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        end = time.monotonic() + within_s
        while b"\n" not in self._unread:
            ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise WorkerError(f"no answer within {within_s:.0f} s")
            received = os.read(pipe, 65536)
            if not received:
                raise WorkerError(self._ended())
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise WorkerError(found["error"])
        return found

    def do(self, do: str, **details: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        self.ask(do, **details)
        return self.answer()

    def _ended(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the process ended (status {status})" + (f": {said[-1]}" if said else "")

    def end(self) -> None:
        """End the process; what it would still have done is not wanted."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
