"""The Python code in the README and the pages of docs/ runs, each page from top to bottom."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def pages_with_code() -> list[Path]:
    generated = ROOT / "docs" / "examples"
    written = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        page
        for page in written
        if generated not in page.parents and BLOCK.search(page.read_text(encoding="utf-8"))
    ]


def test_the_readme_and_pages_have_code() -> None:
    assert {"README.md", "start.md", "choose.md"} <= {page.name for page in pages_with_code()}


@pytest.mark.parametrize("page", pages_with_code(), ids=lambda page: page.name)
def test_code_runs(page, capsys) -> None:
    names: dict[str, object] = {}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), names)
    capsys.readouterr()
