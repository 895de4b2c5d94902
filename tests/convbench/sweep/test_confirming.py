"""Steps are checked again by hosts of their machine's kind, both commits together."""

import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from convbench.confirm.findings import VERSION, Finding, findings_file, read_findings
from convbench.confirm.steps import Judged, State, Step, write_steps
from convbench.results.store import load_config
from convbench.sweep import comparing, item
from convbench.sweep.confirming import Confirmation
from convbench.sweep.dealing import Outcome
from convbench.sweep.hosts import Kind
from convbench.sweep.notes import notes_file, read_notes

OLD, NEW = "a" * 40, "b" * 40


def step(machine: str, cell: str, after: str = NEW, ratio: float = 2.0) -> Step:
    return Step(machine, cell, OLD, after, 1.0, ratio, is_time=True)


def kind(machine: str) -> Kind:
    return Kind(f"of {machine}", machine, {"machine": machine}, ("host",))


def finding(of: Step) -> Finding:
    facts = (VERSION, of.cell, of.before, of.after, "no slowdown", 1.0, 0.99, 1.01, 5, 60.0)
    return Finding(*facts)


@pytest.fixture(autouse=True)
def clone(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the lock of a host of its own
    (tmp_path / "asv.conf.json").write_text(
        '{"version": 1, "repo": ".", "results_dir": "results", "html_dir": "html"}'
    )
    for room in ("fftconv", "benchmarks"):  # as in a clone of this repository
        (tmp_path / room).mkdir()
    for name in ("convbench.confirm.steps.kept_apart", "convbench.confirm.checking.kept_apart"):
        monkeypatch.setattr(name, dict)
    return tmp_path


def published(*steps: Step, state: State = State.UNCHECKED) -> None:
    write_steps(Path("html"), [Judged(one, state) for one in steps])


def test_a_part_holds_the_steps_between_two_commits_on_their_own_machine() -> None:
    third = "c" * 40
    published(
        step("one", "x"),
        step("one", "y"),
        step("one", "z", third),
        step("two", "x"),
        step("no", "x"),
    )
    parts = Confirmation(load_config(), [kind("one"), kind("two")], None).parts
    assert [(part.kind.machine, [one.cell for one in part.steps]) for part in parts] == [
        ("one", ["x", "y"]),
        ("one", ["z"]),
        ("two", ["x"]),
    ]
    assert all(part.item.kind is part.kind for part in parts)
    assert [len(Confirmation(load_config(), [kind("one")], "^y").parts)] == [1]


def test_what_was_checked_is_not_checked_again() -> None:
    published(step("one", "x"), state=State.REFUTED)
    assert not Confirmation(load_config(), [kind("one")], None).parts


def test_the_gate_gets_both_commits_of_a_part_and_its_answer_is_kept(clone, monkeypatch) -> None:
    published(step("one", "x"), step("one", "y"))
    confirmation = Confirmation(load_config(), [kind("one")], None)
    (part,) = confirmation.parts
    asked: list[list[Step]] = []

    def check(steps: list[Step], *_: object) -> list[Finding]:
        asked.append(steps)
        return [finding(one) for one in steps]

    monkeypatch.setattr(comparing, "check", check)
    # As a worker does: by the command line of an item, whose folder comes back.
    made = clone / "made"
    made.mkdir()
    monkeypatch.setattr(item, "_end_with_input", lambda: None)
    monkeypatch.setattr(sys, "argv", ["item", str(made), *part.item.arguments])
    assert item.main() == 0
    assert asked == [list(part.steps)]
    files = {path.name: path.read_bytes() for path in made.iterdir()}

    confirmation.save(part, Outcome("", "node", "10.0.0.1", files))
    file = findings_file(clone / "results", "one")
    assert {key[0] for key in read_findings(file)} == {"x", "y"}
    assert [note.host for note in read_notes(notes_file(file))] == ["node", "node"]
    assert b"no slowdown" in file.read_bytes()


def test_a_gate_that_cannot_run_is_the_items_failure(clone, monkeypatch, capsys) -> None:
    made = clone / "made"
    made.mkdir()
    monkeypatch.setattr(item, "_end_with_input", lambda: None)
    steps = msgspec.json.encode([step("one", "x")]).decode()
    monkeypatch.setattr(sys, "argv", ["item", str(made), "confirm", steps])
    # The folder is no checkout, so no gate starts; here that is not taken for a step that cannot be
    # compared.
    monkeypatch.setattr("convbench.confirm.checking._MISUSE", None)
    assert item.main() == 1
    assert "the gate on aaaaaaaa and bbbbbbbb failed" in capsys.readouterr().out
    assert not list(made.iterdir())
