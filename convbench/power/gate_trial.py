"""The gate, as a tool of the study: the same code as the command, the installation shared."""

import contextlib
import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from convbench.gate.campaign import Campaign
from convbench.gate.checkout import run_folder
from convbench.gate.command import compare
from convbench.gate.install import Installed, install
from convbench.gate.revisions import resolve
from convbench.power.injection import BASE, Injected
from convbench.power.trials import FOUND, NOT_FOUND, Task, Trial
from convbench.repository.working_tree import copy_working_tree
from convbench.stats.judging import Verdict
from convbench.stats.rules import Rules

NAME = "gate"


@contextlib.contextmanager
def installations(repository: Injected, shares: list[float]) -> Iterator[dict[float, Installed]]:
    """Install BASE and every contender once, for all trials; give the two sides for each share."""
    with run_folder(repository.root) as folder:
        copy_working_tree(repository.root, folder, "benchmarks")
        names = [BASE, *(repository.contender(share) for share in shares)]
        # As long as each other, as the gate's own folders are.
        targets = [folder / f"{index:02}" for index in range(len(names))]
        commits = [resolve(repository.root, name) for name in names]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(install, [repository.root] * len(targets), commits, targets))
        yield {
            share: Installed(folder, targets[0], targets[1 + index], folder / "benchmarks")
            for index, share in enumerate(shares)
        }


def run(task: Task, cell: str, budget_s: float, sides: Installed) -> Trial:
    """Run the gate once."""
    start = time.monotonic()
    campaign = Campaign(Rules(), budget_s, random.SystemRandom().randrange(2**32))
    compare(campaign, sides, re.compile(f"^{re.escape(cell)}$"), lambda _: None)
    (row,) = campaign.rows
    assert row.verdict is not None
    verdict = row.verdict
    said = {Verdict.SLOWDOWN: FOUND, Verdict.NONE: NOT_FOUND}.get(verdict, verdict.value)
    return Trial(
        task,
        cell,
        budget_s,
        time.monotonic() - start,
        {NAME: said},
        tuple(blocks.log_ratio for blocks in row.blocks),
        tuple(campaign.pair_s),
    )
