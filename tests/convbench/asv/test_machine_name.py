"""Under which name this machine's results are entered: the one that asv itself takes."""

import json
import shutil
from pathlib import Path

import pytest
from asv.machine import Machine

from convbench.asv.machines import machine_name, this_machine
from convbench.command_line.failure import CommandError
from convbench.results.selection import choose
from convbench.results.store import StoreError


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".asv-machine.json"


def enter(books: Path, *names: str) -> None:
    machines = {name: {**Machine.get_defaults(), "machine": name} for name in names}
    books.write_text(json.dumps({"version": 1, **machines}))


def test_a_new_machine_is_entered_under_its_own_name(books: Path) -> None:
    name = machine_name(None)
    assert name == Machine.get_unique_machine_name()
    assert json.loads(books.read_text())[name]["machine"] == name


def test_the_only_machine_in_the_books_is_this_one(books: Path) -> None:
    enter(books, "renamed")
    assert machine_name(None) == "renamed"


def test_of_several_it_is_the_one_that_is_named(books: Path) -> None:
    enter(books, "one", "other")
    assert machine_name("other") == "other"
    assert machine_name(None) == Machine.get_unique_machine_name()


def test_asking_for_this_machine_enters_nothing(books: Path) -> None:
    assert this_machine() == Machine.get_unique_machine_name()
    assert not books.exists()


def test_results_of_this_machine_are_found_under_the_name_that_its_user_gave_it(
    books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[3]
    here = books.parent / "clone"
    here.mkdir()
    shutil.copy(root / "asv.conf.json", here)
    shutil.copytree(root / "results", here / "results")
    name = min(folder.name for folder in (here / "results").iterdir() if folder.is_dir())
    shutil.copytree(here / "results" / name, here / "results" / "another")
    facts = here / "results" / "another" / "machine.json"
    facts.write_text(facts.read_text().replace(name, "another"))
    monkeypatch.chdir(here)
    monkeypatch.setattr("asv.machine._get_unique_machine_name", lambda: "its-host-name")
    with pytest.raises(StoreError, match="name a machine with --machine"):
        choose(None, None)
    enter(books, name)
    assert this_machine() == name
    assert choose(None, None).run.machine == name


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"'])
def test_a_file_of_machines_that_is_no_use_is_said_in_one_line(books: Path, text: str) -> None:
    books.write_text(text)
    with pytest.raises(CommandError, match=r"asv's file of machines, .*, is no use: ") as raised:
        machine_name("mine")
    assert "\n" not in str(raised.value)
    assert books.read_text() == text
    assert this_machine() == Machine.get_unique_machine_name()
