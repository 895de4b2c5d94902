"""What is a comparison, in a worker's checkout: both sides of it are measured on this host."""

from math import inf
from pathlib import Path

import msgspec

from convbench.asv.command import alone
from convbench.confirm.checking import check
from convbench.confirm.findings import add_findings
from convbench.confirm.steps import Step

FINDINGS = "findings.jsonl"
_LOG = Path(".asv/confirm.log")


def written(asked: object) -> str:
    """Write what is asked of an item as an argument of its command line."""
    return msgspec.json.encode(asked).decode()


def confirm(asked: str, folder: Path) -> None:
    """Measure steps between the same two commits again, and leave what was found in a folder."""
    steps = msgspec.json.decode(asked, type=list[Step])
    with alone():
        found = check(steps, inf, _LOG)
    add_findings(folder / FINDINGS, found)
