"""The README and the pages of docs/ say what their commands print."""

import re
from pathlib import Path

import pytest

from convbench.command_line.failure import CommandError
from convbench.report.readme import pages, refresh, refreshed

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", pages(ROOT), ids=lambda page: page.name)
def test_each_output_is_what_its_command_prints_now(page) -> None:
    text = page.read_text(encoding="utf-8")
    assert refreshed(text) == text  # if not: `make figures`


def test_both_the_readme_and_a_page_of_docs_hold_outputs() -> None:
    assert {"README.md", "judging.md"} <= {page.name for page in pages(ROOT)}


def test_a_page_of_docs_is_rewritten_and_one_without_outputs_left_alone(tmp_path) -> None:
    (tmp_path / "docs" / "how-to").mkdir(parents=True)
    (tmp_path / "README.md").write_text("No outputs.\n")
    page = tmp_path / "docs" / "how-to" / "page.md"
    page.write_text("<!-- output: python -m this -->\n```text\n```\n")
    assert pages(tmp_path) == [page]
    refresh(page)
    assert "The Zen of Python" in page.read_text()


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.splitlines()) <= 150


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
