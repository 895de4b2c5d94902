"""The cluster: one that there is, or workers on this host. All of it is dask's."""

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import dask
from distributed import Client, LocalCluster
from rich.console import Console

from convbench.command_line.failure import CommandError, MisuseError
from convbench.sweep import remote
from convbench.sweep.bundle import Bundle
from convbench.sweep.hosts import Seen
from convbench.sweep.suite import OWN, Place

_CONNECT = "5s"
_LOCAL = {
    # dask would set variables of OpenMP, MKL and the C library, here too: of another experiment.
    "distributed.nanny.pre-spawn-environ": {},
    # Its samples of the stack, a hundred a second, are somebody else's work while we measure.
    "distributed.worker.profile.enabled": False,
    # What does not fit is a cell's own affair.
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.pause": False,
}


@contextlib.contextmanager
def opened(scheduler: str | None, local: int | None) -> Iterator[Client]:
    """Give a client of the scheduler at an address, or of `local` workers that are started here.

    Raises
    ------
    MisuseError
        No scheduler answers.
    """
    # What happens to workers is told in our own words; dask's log is where its workers are.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            stack.enter_context(dask.config.set(_LOCAL))
            cluster = LocalCluster(
                n_workers=local,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
            )
            yield stack.enter_context(Client(stack.enter_context(cluster)))
            return
        try:
            client = Client(scheduler, timeout=_CONNECT)
        except (OSError, ValueError, TypeError) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MisuseError(f"no scheduler answers at {scheduler!r}: {said}") from None
        yield stack.enter_context(client)


@dataclass(frozen=True)
class Site:
    """The cluster, ready for items."""

    client: Client
    name: str
    """Of the plugin that has brought the bundle to the workers."""
    options: tuple[str, ...]
    """What every item is told: the settings and the folder of environments."""

    def submit(self, resource: str, arguments: tuple[str, ...]) -> Any:
        """Have one item done by a worker of a kind; return dask's future of it."""
        return self.client.submit(
            remote.do,
            self.name,
            [*self.options, *arguments],
            resources={remote.TURN: 1, resource: 1},
            pure=False,
        )

    def places(self) -> dict[str, list[str]]:
        """Return the addresses of the workers that take items, by the kind of their host."""
        found: dict[str, list[str]] = {}
        for address, worker in self.client.scheduler_info(n_workers=-1)["workers"].items():
            resources = worker["resources"]
            if resources.get(remote.TURN):
                for resource in resources.keys() - {remote.TURN}:
                    found.setdefault(resource, []).append(address)
        return found

    def step_aside(self, worker: str) -> None:
        """Give a worker no more items."""
        self.client.run(remote.step_aside, workers=[worker], on_error="ignore")


@contextlib.contextmanager
def site(
    client: Client,
    bundle: Bundle,
    settings: dict[str, str],
    environments: Path | None,
    suite: Place = OWN,
) -> Iterator[Site]:
    """Bring the bundle to all workers, those that come later among them."""
    cloudpickle.register_pickle_by_value(remote)
    # A worker keeps the checkout for the same bundle; with other environments it is another.
    told = hashlib.sha256(f"{environments} {suite}".encode()).hexdigest()[:4]
    name = f"convbench-sweep-{bundle.key}-{told}"
    client.register_plugin(remote.Checkout(name, bundle.data, bundle.head, suite.folder, suite.own))
    options = [option for pair in settings.items() for option in ("--set", "=".join(pair))]
    if environments is not None:
        options += ["--environments", str(environments)]
    options += suite.options
    try:
        yield Site(client, name, tuple(options))
    finally:
        # The scheduler has it for workers to come. It may be gone itself.
        with contextlib.suppress(Exception):
            client.unregister_worker_plugin(name)


def looked(at: Site, console: Console) -> list[Seen]:
    """Return what the workers say of their hosts, once there is a worker.

    Raises
    ------
    CommandError
        None of them can measure.
    """
    if not at.client.scheduler_info(n_workers=-1)["workers"]:
        console.print("the scheduler has no worker yet: waiting for one")
        at.client.wait_for_workers(1)
    answers = at.client.run(remote.look, at.name, on_error="return")
    seen, problems = [], []
    for address, answer in sorted(answers.items()):
        problem = answer["problem"] if isinstance(answer, dict) else str(answer)
        if problem:
            problems.append(f"{address}: {problem}")
        else:
            seen.append(Seen(answer["host"], answer["facts"]))
    if not seen:
        raise CommandError(f"no worker can measure: {problems[0]}")
    for problem in problems:
        console.print(f"gets nothing to measure: {problem}", markup=False, style="red")
    return seen
