"""How commands end that break: in a line, and never with the status of a verdict."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from convbench.__main__ import COMMANDS

ROOT = Path(__file__).parents[3]
# The command breaks where it begins to work.
_BREAKING = """
import sys
from importlib import import_module
import convbench.__main__ as door
from convbench.command_line.failure import CommandError, MisuseError
from convbench.command_line.signals import Terminated
def run(args, console):
    raise {error}
import_module({module!r}).run = run
sys.argv[1:] = {arguments!r}
sys.exit(door.main())
"""
ARGUMENTS = {
    "summary": ["--machine", "m"],
    "chart": ["--machine", "m", "--output", "x.svg"],
    "profile": ["--method", "fft", "--input", "64", "--filter", "3"],
    "layer": ["torch:relu", "--input", "4x4"],
    "instructions": ["HEAD"],
    "gate": ["HEAD"],
    "sweep": ["--local", "1"],
}
NAMES = ("report", "readme", "summary", "chart", "crossover", "roofline", "profile")
NAMES += ("layer", "instructions", "gate", "power", "repeat", "confirm", "backfill", "sweep")


def run(
    code: str, preexec: Callable[[], object] | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        preexec_fn=preexec,
        capture_output=True,
        text=True,
        check=False,
    )


def breaking(name: str, error: str) -> "subprocess.CompletedProcess[str]":
    arguments = [name, *ARGUMENTS.get(name, [])]
    module = dict(zip(NAMES, COMMANDS, strict=True))[name]
    return run(_BREAKING.format(error=error, module=module, arguments=arguments))


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        ("CommandError('it failed')", 3, "it failed"),
        ("MisuseError('no such thing')", 2, "no such thing"),
        ("OSError(28, 'No space left on device', '/x')", 3, "No space left on device: /x"),
        ("PermissionError(13, 'Permission denied')", 3, "Permission denied"),
        ("BrokenPipeError(32, 'Broken pipe')", 3, "Broken pipe"),
        ("MemoryError", 3, "there was not enough memory"),
        (
            "ModuleNotFoundError('No module pyperf', name='pyperf')",
            3,
            "`make setup` in a clone) installs it",
        ),
    ],
)
def test_what_the_gate_cannot_do_is_one_line_and_no_verdict(error, status, line) -> None:
    done = breaking("gate", error)
    assert done.returncode == status
    assert done.stderr.startswith("convbench gate: ")
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        "RecursionError('too deep')",
        "ZeroDivisionError",
        "UnicodeEncodeError('ascii', 'x', 0, 1, 'why')",
        "ModuleNotFoundError('ours', name='convbench.nothing')",
        "SystemExit(1)",
        "SystemExit('in words')",
        "SystemExit",
        "BaseException('of another kind')",
        "BaseExceptionGroup('g', [ValueError()])"
        if sys.version_info >= (3, 11)
        else "GeneratorExit",
    ],
)
@pytest.mark.parametrize("name", ["gate", "summary"])
def test_a_mistake_of_ours_shows_its_place_and_is_3(name, error) -> None:
    done = breaking(name, error)
    assert done.returncode == 3
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"convbench {name}: broke: ")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_ends_in_the_same_way(name) -> None:
    done = breaking(name, "OSError(30, 'Read-only file system', '/x')")
    assert done.returncode == (3 if name == "gate" else 1)
    assert done.stderr == f"convbench {name}: Read-only file system: /x\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [("KeyboardInterrupt", 130), ("Terminated(15)", 143), ("Terminated(1)", 129)],
)
def test_an_interrupt_has_the_status_that_shells_give_it(error, status) -> None:
    done = breaking("backfill", error)
    assert done.returncode == status
    assert "the same command goes on from there" in done.stderr
    assert "Traceback" not in done.stderr


_COMMAND = "import sys; from convbench.__main__ import main; sys.argv[1:] = {!r}; sys.exit(main())"


@pytest.mark.parametrize(
    "broken",
    ["raise MemoryError", "import os; raise SystemError('rich is broken')", "raise SystemExit(1)"],
)
def test_a_package_that_cannot_be_loaded_is_no_slowdown(tmp_path, broken) -> None:
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text(broken)
    done = run(_COMMAND.format(["gate", "HEAD"]), PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize("mebibytes", [40, 150, 300])
def test_too_little_memory_is_no_slowdown(mebibytes) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mebibytes * 2**20, mebibytes * 2**20))

    done = run(_COMMAND.format(["gate", "HEAD", "HEAD", "--budget", "5s"]), limit)
    assert done.returncode not in (0, 1), done.stdout + done.stderr


SUMMARY = ("summary", "--machine", "xeon-amx-2vcpu")


def shell(line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = f"{sys.executable} -m convbench {' '.join(SUMMARY)} {line}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("line", ["| true", "2>&1 | true", ">&-", ">&- 2>&- <&-", "| head -1"])
def test_a_reader_that_goes_away_is_no_failure(line) -> None:
    done = shell(line)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_full_disk_under_the_standard_output_is_a_failure_in_a_line() -> None:
    done = shell("> /dev/full")
    assert done.returncode == 1
    assert done.stderr == "convbench summary: No space left on device\n"


def test_a_terminal_of_few_characters_gets_the_others_escaped() -> None:
    # The name is told back in the message.
    done = run(
        _COMMAND.format(["summary", "--machine", "größe\udcff"]), PYTHONIOENCODING="ascii:strict"
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert r"gr\xf6\xdfe" in done.stderr


_SLEEPING = """
import signal, sys, time
import convbench.__main__ as door
import convbench.report.summary as summary
def run(args, console):
    try:
        print("ready", flush=True)
        time.sleep(600)
    finally:
        print("cleaned up", flush=True)
summary.run = run
sys.argv[1:] = ["summary", "--machine", "m"]
sys.exit(door.main())
"""


def _heedful() -> None:
    """Ignore nothing: neither an interrupt, nor, under nohup, that the terminal is gone."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_as_an_interrupt_does(number) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SLEEPING],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_heedful,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert out == "cleaned up\n"
    assert process.returncode == 128 + number


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    # As nohup does.
    done = run(
        "import os, signal; from convbench.command_line.signals import interrupted_by_signals\n"
        "with interrupted_by_signals(): os.kill(os.getpid(), signal.SIGHUP)",
        lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert done.returncode == 0, done.stderr
