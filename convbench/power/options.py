"""The options that say which trials a study is of."""

import argparse
from pathlib import Path

from convbench.command_line.arguments import count, duration
from convbench.gate.command import LEAST_BUDGET_S
from convbench.suite.facts import POWER_CELL

TOOLS = ("gate", "asv", "asv-interleaved", "pyperf")
_SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)
DEFAULTS = {
    "repetitions": 10,
    "budget": 120.0,
    "slowdowns": _SHARES,
    "tools": TOOLS,
    "cell": None,
    "seed": 1,
    "output": None,
}
"""What holds where nothing is said."""


def _tools(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if not set(chosen) <= set(TOOLS):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of {', '.join(TOOLS)}")
    return tuple(tool for tool in TOOLS if tool in chosen)


def _shares(text: str) -> tuple[float, ...]:
    try:
        percents = sorted({float(part) for part in text.split(",")})
    except ValueError:
        percents = [-1.0]
    if not all(0 <= percent <= 100 for percent in percents):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of percents, such as 0,1,2.5")
    return tuple(percent / 100 for percent in percents)


def add_study_options(parser: argparse._ActionsContainer) -> None:
    """Add them, with `DEFAULTS`."""
    parser.add_argument("--repetitions", type=count("number from 1"), help="of each (default: 10)")
    parser.add_argument("--budget", type=duration(LEAST_BUDGET_S), help="a trial (default: 2m)")
    parser.add_argument("--slowdowns", type=_shares, help="percents, by commas")
    parser.add_argument("--tools", type=_tools, help=",".join(TOOLS))
    parser.add_argument("--cell", help=f"of conv2d.Forward (default: {POWER_CELL})")
    parser.add_argument("--seed", type=int, help="of the order of the trials")
    parser.add_argument(
        "--output", type=Path, help="file of trials (default: .asv/power/trials.jsonl)"
    )
    parser.set_defaults(**DEFAULTS)
