"""The exported figures are the plan's own, at each place of a grid."""

import math
from types import SimpleNamespace

import pytest
import torch

import fftconv
from convbench.report.answer import predicted
from convbench.report.answer.predicted import Family, exported

SMALL = Family(
    "small",
    {
        "output": (8, 32),
        "filter": (3, 7),
        "batch": (1,),
        "in": (1, 4),
        "out": (1,),
        "groups": (1, 2),
    },
    ("float64",),
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize("threads", ["all", "1"])
def test_each_figure_is_what_the_plan_says_of_its_place(threads) -> None:
    before = torch.get_num_threads()
    found = exported((SMALL,))
    assert torch.get_num_threads() == before == found["threads"]
    figures = found["families"]["small"]["figures"][f"float64/{threads}"]
    shapes = list(SMALL.shapes())
    assert len(shapes) == 16
    torch.set_num_threads(before if threads == "all" else 1)
    try:
        for place, (image, weight, groups) in enumerate(shapes):
            planned = fftconv.plan(
                image, weight, groups=groups, dtype=torch.float64, needs_grad=True
            )
            for name, of in planned.seconds.items():
                for method, seconds in of.items():
                    kept = 10 ** (figures[name][method][place] / found["steps"])
                    assert kept == pytest.approx(seconds, rel=2e-3), (image, weight, method)
    finally:
        torch.set_num_threads(before)


def test_the_same_model_is_asked_once(monkeypatch) -> None:
    first = exported((SMALL,))
    monkeypatch.setattr(predicted, "_asked", lambda _: pytest.fail("asked again"))
    again = exported((SMALL,))
    assert again["families"]["small"]["figures"] == first["families"]["small"]["figures"]


def test_a_broken_file_of_the_cache_is_asked_for_anew(tmp_path) -> None:
    first = exported((SMALL,))
    (kept,) = (tmp_path / "fftconv" / "answer").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert exported((SMALL,)) == first


@pytest.mark.parametrize(("seconds", "kept"), [(1e-3, -3000), (math.inf, None), (0.0, None)])
def test_what_takes_too_much_memory_has_no_figure(seconds, kept) -> None:
    assert predicted._kept(seconds) == kept


def test_without_a_plan_there_are_no_figures_and_no_failure(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fftconv", SimpleNamespace())
    assert exported((SMALL,))["families"] == {}
