"""`convbench readme`: keep the figures of the README and of docs/ what their commands print.

A comment ``<!-- output: python -m convbench summary ... -->`` before a fenced block says which
command made the block.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from convbench.command_line.failure import CommandError
from convbench.files.atomic import replacing

_BLOCK = re.compile(
    r"(?P<head><!-- output: (?P<command>[^\n]*?) -->\n```[^\n]*\n)(?P<body>.*?)(?P<tail>```\n)",
    re.DOTALL,
)
_WIDTH = "120"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "readme", help="write into README.md and docs/ what their commands print"
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace, _console: Console) -> None:
    """Do what the command line asks for."""
    for page in pages(Path()):
        refresh(page)


def pages(root: Path) -> list[Path]:
    """Return the README and the pages of docs/ that hold what a command prints."""
    written = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [page for page in written if _BLOCK.search(page.read_text(encoding="utf-8"))]


def _output(command: str) -> str:
    words = shlex.split(command)
    if words[:2] != ["python", "-m"]:
        raise CommandError(f"only 'python -m ...' is run for its output, not {command!r}")
    done = subprocess.run(
        [sys.executable, *words[1:]],
        env={**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CommandError(f"{command!r} failed: {done.stderr.strip()}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").split("\n")) + "\n"


def refreshed(text: str) -> str:
    """Return a page's text with the output of its commands as it is now."""
    return _BLOCK.sub(
        lambda match: f"{match['head']}{_output(match['command'])}{match['tail']}", text
    )


def refresh(path: Path) -> None:
    """Rewrite a page in place, whole, if anything in it has changed."""
    before = path.read_text(encoding="utf-8")
    text = refreshed(before)
    if text == before:
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
