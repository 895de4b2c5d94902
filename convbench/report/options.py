"""The options of commands over results: which run and views they read, where they write."""

import argparse
import sys
from pathlib import Path

from convbench.files.atomic import replacing

VIEW_OPTIONS = ("family", "direction", "dtype", "layout", "threads")


def add_run_options(parser: argparse.ArgumentParser, *, named: bool = False) -> None:
    """Add the options that say which run is read; `named`: the machine has to be said."""
    default = "" if named else " (default: this one)"
    parser.add_argument("--machine", required=named, help=f"a machine in results/{default}")
    parser.add_argument("--commit", help="hash or its beginning (default: the newest)")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command over maps has."""
    add_run_options(parser)
    for name in VIEW_OPTIONS:
        parser.add_argument(f"--{name}", help=f"only this {name} (default: every one)")
    parser.add_argument("--format", choices=("table", "png", "svg", "csv"), default="table")
    parser.add_argument("--output", type=Path, help="file for png, svg and csv")


def view_wanted(args: argparse.Namespace) -> dict[str, str | None]:
    """Return what the options ask of a view, None where any will do."""
    return {name: getattr(args, name) for name in VIEW_OPTIONS}


def write_text(text: str, output: Path | None) -> None:
    """Write `text` to a file, or to the standard output where none is named."""
    if output is None:
        sys.stdout.write(text)
    else:
        with replacing(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
