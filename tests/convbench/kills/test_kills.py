"""kill -9 at moments by lot: no finished cell is lost, and no file is left that cannot be read.

The slow ones are a hundred moments, with those of the gate:
``pytest -m slow tests/convbench/kills tests/convbench/gate``.
"""

import random

import pytest

_MACHINE = ("--machine", "tiny-machine")
COMMANDS = {"report": ("report", *_MACHINE), "backfill": ("backfill", "2", *_MACHINE)}
_CELLS = 4 * 8
_COMMITS = {"report": 1, "backfill": 2}
_A_HISTORY = 6
"""Kills before the command is left to end, and there is a new commit to measure."""


def killed_again_and_again(tiny, name: str, moments: int, seed: int, within_s: float) -> None:
    dice = random.Random(seed)
    tiny.commit()
    killed = since = 0
    while killed < moments:
        struck = tiny.killed(COMMANDS[name], dice, within_s)
        killed, since = killed + struck, since + 1
        if since == _A_HISTORY or not struck:
            tiny.finish(*COMMANDS[name])
            tiny.commit()
            since = 0
    before = tiny.finished()
    tiny.finish(*COMMANDS[name])
    assert tiny.finished() >= before
    newest = tiny.measured_of_last(_COMMITS[name])
    assert newest == [_CELLS] * _COMMITS[name], newest


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_killed_command_had_finished_stays_and_the_next_goes_on(tiny, name) -> None:
    killed_again_and_again(tiny, name, moments=2, seed=5, within_s=8.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("seed", range(5))
def test_the_same_at_seventy_moments(tiny, name, seed) -> None:
    killed_again_and_again(tiny, name, moments=7, seed=seed, within_s=20.0)
