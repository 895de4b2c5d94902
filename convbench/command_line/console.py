"""What commands print to: as wide as the terminal, and as wide as it takes where there is none."""

import os

from rich.console import Console

# rich takes a file or a pipe for a terminal of 80 columns, and cuts what a table has beyond.
_UNLIMITED = 10_000


def made_console() -> Console:
    """Return the console; COLUMNS says how wide it is, wherever it leads to."""
    console = Console()
    if console.is_terminal or os.environ.get("COLUMNS", "").isdecimal():
        return console
    return Console(width=_UNLIMITED)
