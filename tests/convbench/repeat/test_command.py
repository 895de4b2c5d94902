"""`convbench repeat`: an output that cannot be written is refused before measuring."""

import argparse
import io
from pathlib import Path

import pytest
from rich.console import Console

from convbench.command_line.failure import MisuseError
from convbench.repeat import command


def options(output: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers(dest="command"))
    return parser.parse_args(["repeat", "--output", str(output)])


@pytest.fixture(autouse=True)
def nothing_is_measured(monkeypatch) -> None:
    monkeypatch.setattr(command, "_measured", lambda *_: pytest.fail("measured"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/dev/null", "is no file, which a study could go on in"),
        ("folder", "Is a directory"),
        ("file/samples.jsonl", "cannot be written"),
    ],
)
def test_an_output_that_cannot_be_added_to_is_misuse(tmp_path, name, said) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(MisuseError, match=said):
        command.run(options(tmp_path / name), Console(file=io.StringIO()))
