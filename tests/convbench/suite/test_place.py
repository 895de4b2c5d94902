"""Whose suite is judged, and what is said twice because an installed judge has no benchmarks."""

from pathlib import Path

import pytest

from benchmarks import cases, settings, together, turns
from convbench.asv import selection
from convbench.suite import conditions, elsewhere
from convbench.suite.place import has_suite, is_elsewhere

ROOT = Path(__file__).parents[3]


def test_what_is_said_twice_is_the_same() -> None:
    for name in (
        *("DEADLINE_VARIABLE", "PATIENCE_VARIABLE", "TOGETHER_VARIABLE", "SLOWDOWN"),
        *("TURNS", "TURNS_VARIABLE"),
    ):
        assert getattr(conditions, name) == getattr(turns, name)
    assert conditions.BUDGET_VARIABLE == cases.BUDGET_VARIABLE
    assert selection.SELECTION == together.SELECTION


def test_what_matters_in_any_suite_matters_in_this_one() -> None:
    names = [*elsewhere._NAMES, *(f"{prefix}X" for prefix in elsewhere._PREFIXES)]
    environ = dict.fromkeys([*names, *elsewhere._PLACES, "HOME", "FFTCONV_X"], "1")
    assert set(elsewhere.in_force(environ)) == set(names)
    assert set(names) <= set(settings.in_force(environ))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"asv.conf.json": '{"project": "thing"} // comment'}, True),
        ({"asv.conf.jsonc": '{"project": "thing"}'}, True),
        ({"asv.conf.json": '{"project": "fftconv"}'}, False),
        ({"asv.conf.json": "no JSON"}, True),
        ({"asv.conf.json": "[]"}, True),
        ({"asv.conf.json": "{}", "fftconv/x": "", "benchmarks/x": ""}, False),
    ],
)
def test_another_project_is_told_by_its_configuration(
    tmp_path, monkeypatch, files, expected
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert is_elsewhere() is expected
    assert has_suite() is not expected


def test_elsewhere_what_needs_this_suite_is_not_asked(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FFTCONV_METHODS", "mine")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert conditions.method_modules() == ["mine"]
    (tmp_path / "asv.conf.json").write_text('{"project": "thing"}')
    assert conditions.method_modules() == []
    assert conditions.in_force()["OMP_NUM_THREADS"] == "1"
    assert conditions.kept_apart() == {}
    with pytest.raises(conditions.MisuseError, match="--burn needs"):
        conditions.burning(0.5)
