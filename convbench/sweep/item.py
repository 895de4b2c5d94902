"""One item, in a worker's checkout: ``python -m convbench.sweep.item FOLDER ... measure ...``.

What it has made lies in FOLDER afterwards. It ends when its standard input does.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

from convbench.command_line.failure import FAILED, CommandError

UNREADY = 4
"""The exit status where it is the host that cannot measure, not the commit."""
_READY = "ready"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m convbench.sweep.item")
    parser.add_argument("folder", type=Path, help="what is made goes there")
    parser.add_argument("--environments", type=Path, help="folder of asv's environments")
    parser.add_argument("--config", type=Path, help="asv's, where it is not asv.conf.json")
    parser.add_argument("--environment", help="as asv's -E")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("discover")
    measuring = acts.add_parser("measure")
    measuring.add_argument("commit")
    measuring.add_argument("regex")
    acts.add_parser("confirm").add_argument("steps")
    acts.add_parser("try").add_argument("asked")
    return parser


def _end_with_input() -> None:
    """End as by Ctrl-C once whoever started this is gone, however that was."""
    main = threading.main_thread().ident
    assert main is not None
    heard = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        heard.set()
        signal.default_int_handler(number, frame)

    def wait() -> None:
        os.read(0, 1)  # not through sys.stdin, whose lock would be held when Python ends
        # A signal that comes just before a system call begins does not interrupt it.
        while not heard.is_set():
            signal.pthread_kill(main, signal.SIGINT)
            heard.wait(0.5)

    signal.signal(signal.SIGINT, end)
    threading.Thread(target=wait, daemon=True).start()


def _take_settings(given: list[str]) -> None:
    """Measure under the client's settings, as its own commands would, and under no others.

    dask starts its workers with one thread for OpenMP and MKL, and with another allocation of
    memory: these would be another experiment.
    """
    from convbench.suite.conditions import in_force

    for name in in_force():
        del os.environ[name]
    os.environ.update(dict(setting.split("=", 1) for setting in given))


def _share_lock(folder: Path) -> None:
    """Share asv's lock with the host's other checkouts.

    asv is run under the lock of this folder (`convbench.asv.command`), and whatever measures
    otherwise takes it, too. So one item at a time measures on a host, whatever number of workers
    it has.
    """
    home = Path(tempfile.gettempdir(), f"convbench-{os.getuid()}")
    home.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "lock").is_symlink():
        (folder / "lock").symlink_to(home / "measuring.lock")


def _conf(args: argparse.Namespace, folder: Path) -> Path:
    """Have asv leave its results in a folder."""
    from convbench.asv.elsewhere import conf_with_results

    usual = Path("asv.conf.json")
    return conf_with_results(folder, args.config or usual, environments=args.environments)


def _discover(args: argparse.Namespace, folder: Path, state: Path) -> None:
    from convbench.asv.machines import machine_name
    from convbench.measuring.measure import discover

    discover(machine_name(None), "HEAD", _conf(args, folder), args.environment)
    (state / _READY).touch()


def _make_ready(args: argparse.Namespace, state: Path) -> None:
    """Have asv make its environment and find the benchmarks, once in a checkout.

    So that it is known whose fault it is if a commit cannot be measured.
    """
    if args.act == "discover":
        _discover(args, args.folder, state)
    elif args.act == "measure" and not (state / _READY).exists():
        with tempfile.TemporaryDirectory(dir=state) as folder:
            _discover(args, Path(folder), state)


def _act(args: argparse.Namespace) -> None:
    from convbench.asv.machines import machine_name
    from convbench.measuring.measure import measure_found
    from convbench.sweep import comparing, trying

    if args.act == "measure":
        conf, environment = _conf(args, args.folder), args.environment
        name = machine_name(None)
        measure_found(name, args.commit, args.regex, conf=conf, environment=environment)
    elif args.act == "confirm":
        comparing.confirm(args.steps, args.folder, _suite_options(args))
    elif args.act == "try":
        trying.attempt(args.asked, args.folder, args.config, args.environments)


def _suite_options(args: argparse.Namespace) -> list[str]:
    named = [] if args.config is None else ["--config", str(args.config)]
    return named + ([] if args.environment is None else ["--environment", args.environment])


def main() -> int:
    """Do what the command line says; return 0, `FAILED` or `UNREADY`, the reason printed last."""
    args = _parser().parse_args()
    _end_with_input()
    from convbench.suite.state import state_folder

    status = UNREADY
    try:
        _take_settings(args.set)
        state = state_folder()
        _share_lock(state)
        _make_ready(args, state)
        status = FAILED
        _act(args)
    except (CommandError, OSError) as error:
        print(error)
        return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
