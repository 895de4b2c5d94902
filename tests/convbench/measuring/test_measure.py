"""What a piece of a report is told of time: when waiting ends, and how long a cell may wait."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from convbench.measuring import measure
from convbench.measuring.chunks import of_cells
from convbench.suite.conditions import DEADLINE_VARIABLE, PATIENCE_VARIABLE, TURNS_VARIABLE

CHUNK = of_cells([("conv2d.Forward.time_forward", ("'native'",))], 0.5)


def settings(
    monkeypatch: pytest.MonkeyPatch, left_s: float, cells_left: int, more: float = 1.0
) -> Mapping[str, str]:
    """Return what asv gets of the environment for a piece."""
    found: dict[str, str] = {}

    def asv(*_: str, settings: Mapping[str, str] | None = None, **__: Any) -> None:
        found.update(settings or {})

    monkeypatch.setattr(measure, "asv", asv)
    measure.measure("a-machine", "0" * 40, CHUNK, left_s, cells_left, more=more)
    return found


@pytest.mark.parametrize(
    ("left_s", "cells_left", "patience_s"), [(330, 660, 1.0), (330, 66, 10.0), (1, 600, 0.6)]
)
def test_a_cell_waits_for_some_shares_of_what_is_left(
    monkeypatch: pytest.MonkeyPatch, left_s: float, cells_left: int, patience_s: float
) -> None:
    monkeypatch.delenv(PATIENCE_VARIABLE, raising=False)
    found = settings(monkeypatch, left_s, cells_left)
    assert float(found[PATIENCE_VARIABLE]) == pytest.approx(patience_s)
    assert float(found[DEADLINE_VARIABLE]) == pytest.approx(time.time() + left_s, abs=60)


def test_what_the_user_says_of_patience_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATIENCE_VARIABLE, "30")
    assert PATIENCE_VARIABLE not in settings(monkeypatch, 330, 660)
    assert os.environ[PATIENCE_VARIABLE] == "30"


def test_without_a_budget_the_suites_own_patience_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PATIENCE_VARIABLE, raising=False)
    assert settings(monkeypatch, inf, 660) == {}


def test_more_turns_are_asked_for_unless_the_user_says_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TURNS_VARIABLE, raising=False)
    assert settings(monkeypatch, inf, 1, more=1.5) == {TURNS_VARIABLE: "36"}
    assert settings(monkeypatch, inf, 1) == {}
    monkeypatch.setenv(TURNS_VARIABLE, "12")
    assert settings(monkeypatch, inf, 1, more=1.5) == {}


def test_the_turns_that_are_wanted_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PATIENCE_VARIABLE, raising=False)
    monkeypatch.setattr(f"{__name__}.CHUNK", replace(CHUNK, turns_s=1.0))
    assert float(settings(monkeypatch, 1, 600, more=1.5)[PATIENCE_VARIABLE]) == pytest.approx(1.65)
