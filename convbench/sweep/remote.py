"""What runs inside of dask's workers, which need neither a clone nor a shared file system.

dask sends this module's code along with each call (`pickle_by_value`), so it imports nothing of the
project's. It makes a checkout of the bundle that the client has sent, and starts there what the
checkout has for an item (`convbench.sweep.item`).
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

TURN = "measuring"
"""The resource that a worker has one of: it measures one item at a time."""
_ITEM = "import sys; del sys.path[0]; from convbench.sweep.item import main; sys.exit(main())"


def facts() -> dict[str, str]:
    """Return what asv notes of this host, with the name that asv's books have for it."""
    from asv.machine import Machine, MachineCollection
    from asv.util import UserError

    name = str(Machine.get_unique_machine_name())
    with contextlib.suppress(UserError):
        name = str(MachineCollection.load(name).get("machine", name))
    return {**{key: str(value) for key, value in Machine.get_defaults().items()}, "machine": name}


def kind(known: dict[str, str]) -> str:
    """Name the kind of host: what has the same processor, cores and memory is one machine.

    Memory is compared in GiB: what the firmware takes for itself differs between equal hosts.

    Examples
    --------
    >>> kind({"arch": "x86_64", "cpu": "EPYC", "num_cpu": "2", "ram": "8328830976"})
    'x86_64, EPYC, 2 cores, 8 GiB'
    """
    ram = known.get("ram", "")
    memory = f"{round(int(ram) / 2**30)} GiB" if ram.isdecimal() else ram
    return f"{known.get('arch')}, {known.get('cpu')}, {known.get('num_cpu')} cores, {memory}"


class Checkout(WorkerPlugin):
    """Gives each worker the bundle, and the resources by which dask knows what it can take.

    It holds for workers that come later, too, and for what a nanny starts anew.
    """

    def __init__(self, name: str, bundle: bytes, head: str, within: str, own: bool) -> None:
        self.name = name
        self.within = within
        """The suite's folder in the checkout."""
        self.own = own
        """Whether the checkout has the judge, else it is the one that is installed."""
        self._bundle = bundle
        self._head = head
        self.facts: dict[str, str] = {}
        self.problem = ""

    async def setup(self, worker: Worker) -> None:
        """Say what this worker is; one that lacks what it takes to measure gets nothing to do."""
        try:
            self.facts = facts()
        except Exception as error:  # whatever it is, it is this worker's alone
            self.problem = f"{type(error).__name__}: {error}"
            return
        await worker.set_resources(**{TURN: 1, kind(self.facts): 1})

    def checkout(self, scratch: Path) -> Path:
        """Return this worker's clone, made at the first call."""
        folder = scratch / self.name
        if folder.is_dir():
            return folder
        made, packed = scratch / f"{self.name}.part", scratch / f"{self.name}.bundle"
        shutil.rmtree(made, ignore_errors=True)
        packed.write_bytes(self._bundle)
        for arguments in (
            ("clone", "--quiet", "--no-checkout", str(packed), str(made)),
            ("-C", str(made), "checkout", "--quiet", "--detach", self._head),
        ):
            subprocess.run(
                ["git", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=True
            )
        packed.unlink()
        made.rename(folder)
        return folder


def look(name: str, dask_worker: Worker) -> dict[str, Any]:
    """Return what a worker has found out about its host."""
    plugin: Any = dask_worker.plugins[name]  # a Checkout, of a class that was sent by another call
    return {"facts": plugin.facts, "problem": plugin.problem, "host": socket.gethostname()}


async def step_aside(dask_worker: Worker) -> None:
    """Take no more items: this worker cannot be made ready."""
    await dask_worker.set_resources(**{TURN: 0})


def do(name: str, arguments: list[str]) -> dict[str, Any]:
    """Run one item in this worker's checkout; return its exit status and the files it has made."""
    worker = get_worker()
    plugin: Any = worker.plugins[name]  # a Checkout
    done: dict[str, Any] = {
        "worker": worker.address,
        "host": socket.gethostname(),
        "address": worker.address.rpartition("://")[2].rpartition(":")[0],
        "files": {},
    }
    try:
        folder = plugin.checkout(Path(worker.local_directory))
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        lines = said.decode(errors="replace").strip().splitlines()
        return {**done, "status": None, "said": f"no checkout can be made: {lines[-1]}"}
    # Beside the checkout, which may be any project's.
    made, printed = (folder.with_name(f"{name}.{what}") for what in ("made", "log"))
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    # Another project's folder may hold modules that are named as libraries of ours. The judge is
    # the checkout's where it has one, whatever this worker was started with.
    start = ["-m", "convbench.sweep.item"] if plugin.own else ["-c", _ITEM]
    without = ("PYTHONPATH", "PYTHONSAFEPATH") if plugin.own else ("PYTHONSAFEPATH",)
    with printed.open("wb") as log:
        # It ends when its standard input does: whatever ends this worker ends what it measures.
        process = subprocess.Popen(
            [sys.executable, *start, str(made), *arguments],
            cwd=folder / plugin.within,
            env={k: v for k, v in os.environ.items() if k not in without},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
        done["status"] = process.wait()
    lines = printed.read_text(encoding="utf-8", errors="replace").split("\n")
    done["said"] = next((line.strip() for line in reversed(lines) if line.strip()), "")
    for path in made.rglob("*"):
        if path.is_file():
            done["files"][path.relative_to(made).as_posix()] = path.read_bytes()
    return done
