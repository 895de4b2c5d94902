"""What is a comparison, in a worker's checkout: both sides of it are measured on this host."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

import msgspec

from convbench.asv.command import alone
from convbench.confirm.checking import check
from convbench.confirm.findings import add_findings
from convbench.confirm.steps import Step
from convbench.suite.state import state_folder

FINDINGS = "findings.jsonl"
_LOG = "confirm.log"


def written(asked: object) -> str:
    """Write what is asked of an item as an argument of its command line."""
    return msgspec.json.encode(asked).decode()


def confirm(asked: str, folder: Path, suite: Sequence[str] = ()) -> None:
    """Measure steps between the same two commits again, and leave what was found in a folder.

    `suite` are options by which the gate is told whose suite it is.
    """
    steps = msgspec.json.decode(asked, type=list[Step])
    with alone():
        found = check(steps, inf, state_folder() / _LOG, suite)
    add_findings(folder / FINDINGS, found)
