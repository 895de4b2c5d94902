"""``python -m fftconv``: calibrate ``method="auto"`` for this machine, or survey a model."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fftconv.machine_code.team import set_longest_rest
from fftconv.models.command import INTERRUPTED, MISUSE
from fftconv.models.command import add_parser as add_survey


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fftconv", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    calibrate = commands.add_parser(
        "calibrate", help="measure this machine in one to three minutes and keep the result"
    )
    calibrate.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write here rather than where fftconv looks (FFTCONV_CALIBRATION, or the user's data)",
    )
    calibrate.set_defaults(run=lambda options: _calibrate(options.output))
    add_survey(commands)
    options = parser.parse_args(arguments)
    # What is measured is what calls take with all of their threads.
    before_s = set_longest_rest(0)
    try:
        status: int = options.run(options)
    finally:
        set_longest_rest(before_s)
    return status


def _calibrate(output: Path | None) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from fftconv._files import check_writable
    from fftconv.auto.measure import measure
    from fftconv.calibration.machine import calibration_file, save
    from fftconv.methods.registry import REGISTRY

    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    reason = REGISTRY["compiled"].unavailable()
    if reason is not None:
        console.print(f"nothing to calibrate: {reason}", style="red")
        return 1
    start = time.perf_counter()
    machine = None
    path = output or calibration_file()
    try:
        check_writable(path)  # before minutes of measuring
        with Progress(console=console) as progress:
            task = progress.add_task("calibrating", total=1.0)
            for done, what, result in measure():
                progress.update(task, completed=done, description=what)
                machine = result
        assert machine is not None
        save(machine, path)
    except OSError as error:
        console.print(f"cannot write {path}: {error.strerror}", style="red")
        return MISUSE
    except KeyboardInterrupt:
        console.print("interrupted: nothing was written", style="red")
        return INTERRUPTED
    console.print(f"measured in {time.perf_counter() - start:.0f} s, written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
