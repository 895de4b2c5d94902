"""What the gate found of steps: one file a machine, beside its results; asv leaves it alone."""

import math
from pathlib import Path

import msgspec

from convbench.confirm.steps import Judged, State, Step
from convbench.files.lines import read_entries, written

VERSION = 1
NAME = "confirmed.jsonl"
_STATES = {
    "slowdown": State.CONFIRMED,
    "no slowdown": State.REFUTED,
    "speedup": State.REFUTED,
}


Key = tuple[str, str, str, str]
"""A cell, both commits, and the settings that they were measured under."""


class Finding(msgspec.Struct, frozen=True):
    """One answer of the gate. Ratios are of the later commit over the earlier one."""

    version: int
    cell: str
    before: str
    after: str
    verdict: str
    ratio: float | None
    low: float | None
    high: float | None
    pairs: int
    budget_s: float
    settings: str = ""
    """Variables that the gate ran under."""

    @property
    def state(self) -> State:
        """What it says of the step."""
        return _STATES.get(self.verdict, State.UNDECIDED)

    def excludes(self, ratio: float) -> bool:
        """Whether the slowdown is less than half of a step, if the gate could not say by how much.

        The gate calls a cell undecided that may be slower by twice its own threshold; a history's
        step may be ten times that.
        """
        return self.high is not None and self.high < math.sqrt(ratio)

    @property
    def note(self) -> str:
        """The figures in a few words."""
        if self.ratio is None:
            return self.verdict
        high = "?" if self.high is None else f"{self.high:.3f}"
        return f"{self.ratio:.3f} ({self.low:.3f} to {high}), {self.pairs} pairs of processes"


def findings_file(results_dir: Path, machine: str) -> Path:
    """Return where a machine's findings are."""
    return results_dir / machine / NAME


def read_findings(path: Path) -> dict[Key, Finding]:
    """Return the newest finding of each step; what cannot be read is left out.

    It would be measured again.
    """
    return {
        (finding.cell, finding.before, finding.after, finding.settings): finding
        for finding in read_entries(path, Finding)
        if finding.version == VERSION
    }


def add_findings(path: Path, findings: list[Finding]) -> None:
    """Add answers, each line whole: a line that was cut short before is not continued."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read()
        start = b"\n" if whole and not whole.endswith(b"\n") else b""
        file.write(start + written(findings))


def judged(step: Step, findings: dict[Key, Finding], host: float | None) -> Judged:
    """Say what is known of a step.

    Parameters
    ----------
    step
        The step.
    findings
        Of its machine.
    host
        By what factor the machine's own cells stepped up between the same commits, if they did
        and it explains the step.
    """
    finding = findings.get((step.cell, step.before, step.after, step.settings))
    if finding is not None:
        state = finding.state
        if state is State.UNDECIDED and finding.excludes(step.ratio):
            state = State.REFUTED
        return Judged(step, state, finding.note)
    if host is not None:
        return Judged(step, State.HOST, f"{host:.2f} times, as the median of those cells")
    return Judged(step, State.FAINT if step.faint else State.UNCHECKED)
