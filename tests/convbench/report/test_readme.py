"""The README says what its commands print."""

import re
from pathlib import Path

import pytest

from convbench.command_line.failure import CommandError
from convbench.report.readme import refreshed

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_each_output_is_what_its_command_prints_now() -> None:
    assert "<!-- output: " in README
    assert refreshed(README) == README  # if not: `make figures`


def test_an_output_that_is_out_of_date_is_found() -> None:
    text = "<!-- output: python -m platform -->\n```text\nan abacus\n```\n"
    assert "abacus" not in refreshed(text)


def test_a_command_that_fails_is_named() -> None:
    with pytest.raises(CommandError, match="'python -m no_such_module' failed"):
        refreshed("<!-- output: python -m no_such_module -->\n```\n```\n")


def test_no_other_program_is_run() -> None:
    with pytest.raises(CommandError, match="only 'python -m"):
        refreshed("<!-- output: rm -rf / -->\n```\n```\n")


def test_files_that_it_links_to_exist() -> None:
    links = re.findall(r"\]\((?!http|#)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_commands_of_make_that_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= targets
