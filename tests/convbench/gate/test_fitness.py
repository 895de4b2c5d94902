"""What the gate says of the machine before and after."""

from dataclasses import replace

import pytest

from convbench.gate import fitness

CALM = fitness.Reading(0.0, 0.0, 0.0, 0.0, 0, 0, 0)
LATER = replace(CALM, moment_s=100.0)


def test_nothing_is_said_of_a_calm_machine() -> None:
    assert fitness.after(CALM, LATER) == []


@pytest.mark.parametrize(
    ("cores", "line"),
    [
        (1.5, "the quota of processor time ran out 3 times: it allows 1.5 cores"),
        (None, "the quota of processor time ran out 3 times"),
    ],
)
def test_a_quota_that_ran_out_is_named(cores, line, monkeypatch) -> None:
    monkeypatch.setattr(fitness, "cores_allowed", lambda: cores)
    assert fitness.after(CALM, replace(LATER, out_of_quota=3)) == [line]


def test_this_machine_can_be_read() -> None:
    first, second = fitness.read(), fitness.read()
    assert second.out_of_quota >= first.out_of_quota >= 0
    assert second.moment_s >= first.moment_s
