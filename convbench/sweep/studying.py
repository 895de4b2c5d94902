"""The trials of a power study, each on one host of the one kind that the cluster has."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from convbench.command_line.failure import CommandError, MisuseError
from convbench.power.study import TRIALS, Study
from convbench.power.trials import Task, append, read
from convbench.sweep.comparing import written
from convbench.sweep.dealing import Item, Outcome
from convbench.sweep.hosts import Kind
from convbench.sweep.notes import add_note, note, notes_file
from convbench.sweep.saving import Saved, unpack
from convbench.sweep.trying import Asked


@dataclass(frozen=True)
class Attempt:
    """One trial."""

    kind: Kind
    study: Study
    task: Task

    @property
    def item(self) -> Item:
        """What a worker is to do."""
        return Item(
            f"{self.task.title} on {self.kind.machine}",
            self.kind,
            ("try", written(Asked(self.study, self.task))),
            self.study.budget_s,
            self.task.tool,
        )


class Trials(Saved[Attempt]):
    """What a study lacks, and how it is added to its file.

    Raises
    ------
    MisuseError
        There are hosts of several kinds, whose trials cannot be counted together.
    """

    def __init__(self, kinds: list[Kind], study: Study, tasks: list[Task], output: Path) -> None:
        if len(kinds) > 1:
            found = "; ".join(kind.resource for kind in kinds)
            raise MisuseError(f"a study is of one kind of machine, and there are: {found}")
        self._output = output
        self.parts = [Attempt(kinds[0], study, task) for task in tasks]

    def save(self, part: Attempt, outcome: Outcome) -> None:
        """Add the trial that came back, and note the host."""
        with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
            unpack(outcome.files, Path(folder))
            trials = read(Path(folder, TRIALS))
        if [trial.task for trial in trials] != [part.task]:
            raise CommandError(f"{outcome.host} sent another trial than {part.item.title}")
        append(self._output, trials[0])
        measured = f"{part.item.title}, {part.task.repetition}"
        add_note(notes_file(self._output), note(outcome.host, outcome.address, measured))
