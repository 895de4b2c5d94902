"""A step up in a history, as asv finds it, and what is known of it."""

import enum
import re
from pathlib import Path

import msgspec

from convbench.command_line.failure import CommandError
from convbench.files.atomic import replacing
from convbench.suite.conditions import kept_apart, written

FILE = Path("convbench") / "steps.json"
"""Where publishing leaves every step, in the published folder."""


class State(enum.Enum):
    """What is known of a step."""

    CONFIRMED = "confirmed"
    COUNTED = "counted"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    HOST = "host"
    UNCHECKED = "unchecked"
    FAINT = "faint"


NAMED = (State.CONFIRMED, State.COUNTED)
"""What the page of regressions names."""

SENTENCES = {
    State.CONFIRMED: "The gate measured both commits side by side and found it slower.",
    State.REFUTED: "The gate measured both commits side by side and found it no slower, or by less "
    "than half of the step.",
    State.UNDECIDED: "The gate measured both commits side by side and could not decide.",
    State.HOST: "The machine was slower: the cell itself, or cells of other people's code say so.",
    State.COUNTED: "It is no time: asv's own threshold names it.",
    State.UNCHECKED: "Nobody has measured both commits side by side yet.",
    State.FAINT: "asv finds no step there, a lower penalty does, or it is where the gate looks for "
    "one next; nobody has measured it yet.",
}


class Step(msgspec.Struct, frozen=True):
    """One cell's history between two neighbouring commits that were measured."""

    machine: str
    cell: str
    """As asv writes it."""
    before: str
    """Full hashes."""
    after: str
    from_value: float
    to_value: float
    is_time: bool
    """Whether the gate can compare it: it compares times."""
    settings: str = ""
    """Variables that both were measured under."""
    faint: bool = False
    """Whether asv's own penalty finds no such step, see `faint`."""
    searched: bool = False
    """Whether the gate is to say where there is one, see `ends`."""

    @property
    def ratio(self) -> float:
        """How many times the value it has become."""
        return self.to_value / self.from_value if self.from_value else float("inf")

    @property
    def rank(self) -> int:
        """What is measured first: 0 what asv finds, then what tells of a whole history."""
        return 0 if not self.faint else 1 if self.searched else 2

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells steps apart."""
        return self.machine, self.cell, self.before, self.after


class Judged(msgspec.Struct, frozen=True):
    """A step with what is known of it."""

    step: Step
    state: State
    note: str = ""
    """Figures, where there are any."""


def write_steps(html_dir: Path, steps: list[Judged]) -> None:
    """Leave the steps where the pages are."""
    path = html_dir / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(msgspec.json.encode(steps))


def read_steps(html_dir: Path) -> list[Judged]:
    """Return the steps of the last publishing.

    Raises
    ------
    CommandError
        Nothing was published, or by an older version.
    """
    path = html_dir / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Judged])
    except (OSError, msgspec.MsgspecError) as error:
        raise CommandError(f"cannot read {path}: {error}; `asv publish` writes it") from None


def open_steps(html_dir: Path, machine: str, bench: str = "", *, again: bool = False) -> list[Step]:
    """Return the steps of a machine that the gate is to measure, under the settings of now.

    Those of cells that `bench` finds; with `again` those that were decided, too.
    """
    now = written(kept_apart())  # the gate would measure under these
    states = set(State) if again else {State.UNCHECKED, State.FAINT}
    return [
        found.step
        for found in read_steps(html_dir)
        if found.step.machine == machine and found.step.is_time and found.state in states
        if found.step.settings == now
        if re.search(bench, found.step.cell)
    ]
