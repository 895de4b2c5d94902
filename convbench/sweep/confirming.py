"""The steps of the histories, measured again by the gate, both commits on one host."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from asv.config import Config

from convbench.confirm.checking import budget_for, groups
from convbench.confirm.findings import Finding, add_findings, findings_file, read_findings
from convbench.confirm.steps import Step, open_steps
from convbench.sweep.comparing import FINDINGS, written
from convbench.sweep.dealing import Item, Outcome
from convbench.sweep.hosts import Kind
from convbench.sweep.notes import add_note, note, notes_file
from convbench.sweep.saving import Saved, unpack


@dataclass(frozen=True)
class Pair:
    """Steps between the same two commits, of one machine."""

    kind: Kind
    steps: tuple[Step, ...]

    @property
    def between(self) -> str:
        """The commits, for a reader."""
        return f"{self.steps[0].before[:8]} to {self.steps[0].after[:8]}"

    @property
    def item(self) -> Item:
        """What a worker is to do."""
        return Item(
            f"{len(self.steps)} steps from {self.between} on {self.kind.machine}",
            self.kind,
            ("confirm", written(self.steps)),
            budget_for(list(self.steps)),
            self.between,
        )


class Confirmation(Saved[Pair]):
    """The steps of the machines that the cluster has hosts of, as far as nobody checked them."""

    def __init__(self, conf: Config, kinds: list[Kind], bench: str | None) -> None:
        self._results_dir = Path(conf.results_dir)
        self.parts = [
            Pair(kind, tuple(own))
            for kind in kinds
            for own in groups(open_steps(Path(conf.html_dir), kind.machine, bench or ""))
        ]

    def save(self, part: Pair, outcome: Outcome) -> None:
        """Add what the gate has found to the machine's findings, and note the host."""
        with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
            unpack(outcome.files, Path(folder))
            found: list[Finding] = list(read_findings(Path(folder, FINDINGS)).values())
        file = findings_file(self._results_dir, part.kind.machine)
        add_findings(file, found)
        for step in part.steps:
            measured = f"{step.before[:8]} to {step.after[:8]} {step.cell}"
            add_note(notes_file(file), note(outcome.host, outcome.address, measured))
