"""Sweeps for real, of a suite of cells that take milliseconds: asv measures in every worker."""

import signal
import time
from typing import Any

import pytest

_CELLS = 4 * 8
_MACHINE = ("--machine", "tiny-machine")


def cells(tiny) -> dict[str, dict[str, Any]]:
    """Return of each file of results which cells have a value, which none, and under what."""
    from asv.results import Results

    found = {}
    for path in (tiny.root / "results").glob("*/*.json"):
        if path.name != "machine.json":
            results = Results.load(str(path), machine_name="tiny-machine")
            found[path.name] = {
                name: [value is not None and value == value for value in results._results[name]]
                for name in results.get_all_result_keys()
            } | {"settings": results.env_vars, "benchmarks": results.benchmark_version}
    return found


def reasons(tiny) -> list[bytes]:
    paths = sorted((tiny.root / "results").glob("*/*.reasons.jsonl"))
    return [path.name.encode() + path.read_bytes() for path in paths]


@pytest.mark.slow
def test_a_sweep_gives_the_cells_of_a_backfill(tiny) -> None:
    tiny.commit()
    tiny.finish("sweep", "--local", "2", "--commits", "HEAD", *_MACHINE)
    assert tiny.measured_of_last(2) == [_CELLS] * 2
    tiny.check_readable()
    swept, said = cells(tiny), reasons(tiny)
    # Nothing is left for a backfill, which would otherwise measure and say so.
    printed = tiny.home / "printed"
    before = len(printed.read_text())
    tiny.finish("backfill", "2", *_MACHINE)
    assert printed.read_text()[before:].count("has results") == 2
    assert cells(tiny) == swept

    for path in (tiny.root / "results" / "tiny-machine").iterdir():
        path.unlink()
    tiny.finish("backfill", "2", *_MACHINE)
    assert cells(tiny) == swept
    assert reasons(tiny) == said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_client_that_is_ended_loses_nothing_that_came_back(tiny, number) -> None:
    tiny.commit()
    sweep = ("sweep", "--local", "2", "--commits", "HEAD", "--bench", "ward", *_MACHINE)
    process = tiny.start(*sweep)
    while process.poll() is None and not tiny.finished():
        time.sleep(0.05)
    assert process.poll() is None, (tiny.home / "printed").read_text()
    seen = tiny.finished()
    process.send_signal(number)
    assert process.wait(timeout=120) == (-9 if number == signal.SIGKILL else 128 + number)
    assert seen <= tiny.finished()
    tiny.check_readable()
    notes = {path: path.read_bytes() for path in (tiny.root / "results").glob("*/*.hosts.jsonl")}
    tiny.finish(*sweep)
    assert tiny.measured_of_last(2) == [_CELLS // 2] * 2
    # What was there has not been measured again: the first client's notes are still there.
    assert notes
    assert all(path.read_bytes().startswith(noted) for path, noted in notes.items())
