"""What a survey takes for the best of a layer, and a model converted by it."""

import json

import msgspec
import pytest
import torch
from torch import nn

import fftconv

METHODS = ("native", "compiled")

pytestmark = pytest.mark.usefixtures("quick")


def test_converting_by_a_survey_takes_the_best_of_each_layer(network, x) -> None:
    found = fftconv.survey(network, x, methods=METHODS)
    network.more = nn.Conv2d(1, 1, 1)
    fftconv.convert(network, method=found)
    modules = dict(network.named_modules())
    assert {name: modules[name].method for name in found.best} == found.best
    assert type(network.more) is nn.Conv2d
    with pytest.raises(ValueError, match="the survey knows none of the layers: it has first, "):
        fftconv.convert(nn.Sequential(nn.Conv2d(1, 1, 1)), found)


def test_a_survey_that_names_no_method_of_ours_changes_nothing(network, x) -> None:
    found = fftconv.survey(network, x, methods=["native"])
    foreign = fftconv.Survey.from_json(found.to_json().replace('"native"', '"unfold"'))
    before = [type(layer) for layer in network.modules()]
    with pytest.raises(ValueError, match="got 'unfold'"):
        fftconv.convert(network, method=foreign)
    assert [type(layer) for layer in network.modules()] == before


def test_the_best_of_a_layer_counts_all_of_its_calls() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    (row,) = fftconv.survey(model, torch.randn(1, 1, 9, 9), methods=METHODS).rows

    def called(calls: int, native: float, compiled: float) -> fftconv.Survey:
        times = {"forward": {"native": native, "compiled": compiled}, "backward": {}}
        return type(row)(
            **{n: getattr(row, n) for n in row.__struct_fields__} | times | {"calls": calls}
        )

    rows = called(3, 1.0, 2.0), called(1, 9.0, 3.0)
    found = fftconv.Survey(
        rows=rows, directions=("forward",), model_forward_s=20.0, model_backward_s=0.0,
        threads=1, torch="2", device="cpu",
    )  # fmt: skip
    assert [row.best for row in rows] == ["native", "compiled"]
    assert found.best == {"0": "compiled"}  # 3 * 2 + 3 against 3 * 1 + 9
    assert found.saved_s == 3.0
    assert found.layers_s == 12.0
    assert found.share == 0.6
    assert "Converting each to its best would save 3 s (1.18 times as fast)." in str(found)


@pytest.mark.parametrize(("model_s", "claims"), [(11.0, True), (9.0, False)])
def test_layers_that_take_more_than_their_model_claim_no_saving(
    model_s: float, claims: bool
) -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    found = fftconv.survey(model, torch.randn(1, 1, 9, 9), directions=["forward"], methods=METHODS)
    forward = {"native": 12.0, "compiled": 6.0}
    rows = (msgspec.structs.replace(found.rows[0], forward=forward, backward={}),)
    last = str(msgspec.structs.replace(found, rows=rows, model_forward_s=model_s))
    assert ("would save 6 s" in last) == claims
    assert ("the machine was busy" in last) != claims


@pytest.mark.parametrize(("compiled", "best"), [(0.95, "native"), (0.85, "compiled")])
def test_a_gain_of_some_percent_is_none(compiled: float, best: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    (row,) = fftconv.survey(model, torch.randn(1, 1, 9, 9), methods=METHODS).rows
    row = msgspec.structs.replace(row, forward={"native": 1.0, "compiled": compiled}, backward={})
    assert row.best == best
    assert row.saved_s == pytest.approx(1 - row.seconds[best])
    assert msgspec.structs.replace(row, now="compiled").best == "compiled"
    gone = msgspec.structs.replace(row, forward={"compiled": compiled})
    assert gone.best == "compiled"


def test_a_survey_is_a_table_and_is_kept_as_json(network, x) -> None:
    found = fftconv.survey(network, x, methods=METHODS)
    lines = str(found).splitlines()
    assert lines[0] == "one call of each layer, forward and backward, cpu, 1 thread"
    assert any("head.0" in line and "2x6x1x1" in line for line in lines)
    assert any(line.startswith("The model takes ") for line in lines)
    text = found.to_json()
    assert fftconv.Survey.from_json(text) == found
    kept = json.loads(text)
    assert kept["rows"][0]["best"] == found.rows[0].best
    assert kept["rows"][0]["seconds"] == found.rows[0].seconds
    assert kept["share"] == found.share
    with pytest.raises(ValueError, match="the survey has version 2, this reads 1"):
        fftconv.Survey.from_json(json.dumps({**kept, "schema": 2}))
