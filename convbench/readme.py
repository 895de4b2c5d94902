"""Keep the README's figures what its commands print.

A comment ``<!-- output: python -m convbench summary ... -->`` before a fenced block says which
command made the block.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from convbench.atomic import replacing
from convbench.store import StoreError

_BLOCK = re.compile(
    r"(?P<head><!-- output: (?P<command>[^\n]*?) -->\n```[^\n]*\n)(?P<body>.*?)(?P<tail>```\n)",
    re.DOTALL,
)
_WIDTH = "120"


def _output(command: str) -> str:
    words = shlex.split(command)
    if words[:2] != ["python", "-m"]:
        raise StoreError(f"README.md: only 'python -m ...' is run for its output, not {command!r}")
    done = subprocess.run(
        [sys.executable, *words[1:]],
        env={**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StoreError(f"README.md: {command!r} failed: {done.stderr.strip()}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").split("\n")) + "\n"


def refreshed(text: str) -> str:
    """Return the README's text with the output of its commands as it is now."""
    return _BLOCK.sub(
        lambda match: f"{match['head']}{_output(match['command'])}{match['tail']}", text
    )


def refresh(path: Path) -> None:
    """Rewrite the README in place, whole."""
    text = refreshed(path.read_text(encoding="utf-8"))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
