"""The options by which a command is told whose suite it is about."""

import argparse
from pathlib import Path


def add_suite_options(parser: argparse.ArgumentParser) -> None:
    """Add asv's own options for its configuration and its environment."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="asv's configuration, of any project (default: asv.conf.json here)",
    )
    parser.add_argument(
        "-E",
        "--environment",
        metavar="SPEC",
        help="asv's environment for both sides: existing, virtualenv, conda:3.12, or a name",
    )
