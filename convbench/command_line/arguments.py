"""Values that several command lines read."""

import argparse
import math
import re
from collections.abc import Callable

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S = 86400.0


def duration(least_s: float) -> Callable[[str], float]:
    """Return a reader of durations such as 90, 90s or 5m, in seconds: `least_s` to a day."""

    def read(text: str) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
        value = float(found[1]) * _UNITS_S[found[2]] if found else -1.0
        if not least_s <= value <= _LONGEST_S:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no time of {least_s:g}s to 24h, such as 90s or 5m"
            )
        return value

    return read


def pattern(text: str, within: str = "{}") -> "re.Pattern[str]":
    """Read a regular expression, to be used as a part of the expression `within`."""
    try:
        re.compile(within.format(text))
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


def count(what: str) -> Callable[[str], int]:
    """Return a reader of whole numbers from one up; anything else is no `what`."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
        return int(text)

    return read


def machine(text: str) -> str:
    """Read the name of a machine, which is that of a folder of its results."""
    if text in ("", ".", "..") or not text.isprintable() or {"/", "\\"} & set(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a machine, nor of a folder")
    return text


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the option of commands that measure: under which name."""
    parser.add_argument(
        "--machine",
        type=machine,
        help="this machine's name in the results (default: its own)",
    )


def share(text: str) -> float:
    """Read a part of the whole: 2%, 0.02."""
    number, percent = text.removesuffix("%"), text.endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share between 0 and 1, such as 2%")
    return value
