"""The options of commands over results: which run and views they read, where they write."""

import argparse
from pathlib import Path

from convbench.command_line.arguments import machine
from convbench.command_line.failure import MisuseError
from convbench.files.atomic import replacing

#: What is written to files, whose names end so.
FILES = ("png", "svg", "csv")
VIEW_OPTIONS = ("family", "direction", "dtype", "layout", "threads")


def add_run_options(parser: argparse.ArgumentParser, *, named: bool = False) -> None:
    """Add the options that say which run is read; `named`: the machine has to be said."""
    default = "" if named else " (default: this one)"
    parser.add_argument(
        "--machine", type=machine, required=named, help=f"a machine in results/{default}"
    )
    parser.add_argument("--commit", help="hash or its beginning (default: the newest)")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command over maps has."""
    add_run_options(parser)
    for name in VIEW_OPTIONS:
        parser.add_argument(f"--{name}", help=f"only this {name} (default: every one)")
    parser.add_argument(
        "--format",
        choices=("table", *FILES),
        help="default: what the output's name ends with, or a table in the terminal",
    )
    parser.add_argument("--output", type=Path, help=f"file for {', '.join(FILES)}")


def view_wanted(args: argparse.Namespace) -> dict[str, str | None]:
    """Return what the options ask of a view, None where any will do."""
    return {name: getattr(args, name) for name in VIEW_OPTIONS}


def format_wanted(args: argparse.Namespace) -> str:
    """Return what a map is to be written as.

    Raises
    ------
    MisuseError
        If the output's name says something else.
    """
    wanted: str | None = args.format
    if args.output is None:
        return wanted or "table"
    suffix = args.output.suffix.removeprefix(".").lower()
    if wanted is None and suffix in FILES:
        return str(suffix)
    if wanted in (None, "table"):
        raise MisuseError(
            f"--output takes a file named .{', .'.join(FILES)}, or --format, got {args.output}"
        )
    if suffix in FILES and suffix != wanted:
        raise MisuseError(f"--output {args.output} is not named as --format {wanted}")
    return str(wanted)


def write_text(text: str, output: Path | None) -> None:
    """Write `text` to a file, or to the standard output where none is named."""
    if output is None:
        print(text, end="")
    else:
        with replacing(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
