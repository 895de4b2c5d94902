"""The same cells under pyperf, with pyperf's own options and files."""

import argparse
import functools
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import torch

from benchmarks import settings
from benchmarks.sampler import Cell, DisturbedError

Call = Callable[[], object]


@dataclass(frozen=True)
class Task:
    """A cell for pyperf: its name, what makes the call that it measures, or why it is skipped."""

    name: str
    make_call: Callable[[], Call]
    skip_reason: str | None = None


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


def _time_calls(loops: int, cell: Callable[[], Cell]) -> float:
    """Return the seconds of so many calls, as one of quiet moments takes."""
    return loops * cell().value_s()


def main(module: str, tasks: Sequence[Task]) -> None:
    """Measure `tasks` with a `pyperf.Runner`, as ``python -m module [pyperf's options]``."""
    import pyperf

    def pass_to_worker(command: list[str], args: argparse.Namespace) -> None:
        if args.cells is not None:
            command.extend(("--cells", args.cells.pattern))

    runner = pyperf.Runner(add_cmdline_args=pass_to_worker, program_args=("-m", module))
    parser = runner.argparser
    parser.add_argument(
        "--cells", metavar="REGEX", type=_regex, help="measure only the cells whose name matches"
    )
    parser.add_argument("--list-cells", action="store_true", help="print the cells' names and end")
    args = runner.parse_args()
    selected = [t for t in tasks if args.cells is None or args.cells.search(t.name)]
    if not selected:
        parser.error(f"no cell matches {args.cells.pattern!r}; --list-cells prints their names")
    if args.list_cells:
        print(*(task.name for task in selected), sep="\n")
        return
    # pyperf starts its workers in a clean environment. They must measure what the user's settings
    # make of a call, whichever library reads them, and skip the same cells: pyperf counts the
    # benchmarks to tell a worker which one is meant.
    args.copy_env = True
    if in_force := settings.in_force():
        runner.metadata["settings"] = settings.written(in_force)
    runner.metadata["threads"] = torch.get_num_threads()
    for package in ("torch", "numpy", "scipy"):
        runner.metadata[f"{package}_version"] = version(package)
    for task in selected:
        if task.skip_reason is None:
            # Made in the worker that samples it, once.
            cell = functools.cache(functools.partial(Cell, task.make_call))
            try:
                runner.bench_time_func(task.name, _time_calls, cell)
            except DisturbedError as error:  # pyperf has no word for a benchmark without a value
                sys.exit(f"{task.name}: {error}")
            except RuntimeError as error:  # so pyperf says that a worker ended, which said why
                sys.exit(str(error))
        elif not args.worker:
            print(f"{task.name}: {task.skip_reason}", file=sys.stderr)
