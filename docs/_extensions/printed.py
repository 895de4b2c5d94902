"""A directive for what a command prints: it is run when the pages are built."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

ROOT = Path(__file__).parents[2]
WIDTH = "88"


def output(command: str) -> str:
    """Run a command in the project's folder and return what it prints.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    program, *arguments = shlex.split(command)
    done = subprocess.run(
        [sys.executable if program == "python" else program, *arguments],
        cwd=ROOT,
        # As if nothing of make's were around it: a make within one tells of its folders.
        env={**os.environ, "COLUMNS": WIDTH, "NO_COLOR": "1", "MAKEFLAGS": "", "MAKELEVEL": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").split("\n"))


class Printed(Directive):
    """Show what a command prints: ```` ```{printed} python -m ... ````."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the output as a literal block."""
        command = self.arguments[0]
        try:
            text = output(command)
        except subprocess.CalledProcessError as failed:
            raise self.error(f"{command!r} failed: {failed.stderr.strip()}") from failed
        block = nodes.literal_block(text, text)
        block["language"] = "none"
        return [block]


def setup(app: Any) -> dict[str, bool]:
    """Add the directive to Sphinx."""
    app.add_directive("printed", Printed)
    return {"parallel_read_safe": True}
