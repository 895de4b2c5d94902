"""``python -m fftconv survey`` as a person at a shell meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import fftconv
from fftconv.__main__ import main
from fftconv.models import timing

MODELS = """
import torch
from torch import nn

def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 3))

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)

    def forward(self, x, y):
        return self.conv(x) + self.conv(y)

class Holder:
    ready = network()

no_convolution = nn.Linear(4, 4)
number = 3

def fails():
    raise KeyError("no weights here")

class Ends(nn.Conv2d):
    def forward(self, x):
        raise SystemExit(5)

ends = Ends(1, 1, 3)

class NoEval(nn.Conv2d):
    def eval(self):
        raise KeyError("always training")

no_eval = NoEval(1, 1, 3)
bracketed = nn.Sequential()
bracketed.add_module("[red]x[/blue]", nn.Conv2d(1, 1, 3))

def gives_none():
    return None
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"models_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODELS)
    (tmp_path / f"{name}_broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for constant, value in (("SIDE_S", 0.001), ("LEAST", 1)):
        monkeypatch.setattr(timing, constant, value)
    monkeypatch.setattr("fftconv.models.surveying._MODEL_S", 0.0)
    return name


@pytest.mark.parametrize("name", ["network", "Holder.ready"])
def test_a_function_or_a_model_is_surveyed_and_kept(module, name, capsys) -> None:
    call = ["survey", f"{module}:{name}", "--input", "1x1x12x12", "--json", "found.json"]
    assert main([*call, "--methods", "compiled"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("one call of each layer, forward, cpu")
    found = fftconv.Survey.from_json(Path("found.json").read_text())
    assert [row.name for row in found.rows] == ["0", "2"]
    assert set(found.best) == set(json.loads(Path("found.json").read_text())["best"])
    assert [path.name for path in Path.cwd().glob("found*")] == ["found.json"]


def test_names_in_brackets_are_names(module, capsys) -> None:
    call = ["survey", f"{module}:bracketed", "--input", "1x1x9x9", "--methods", "native"]
    assert main(call) == 0
    assert "[red]x[/blue]" in capsys.readouterr().out


def test_a_link_stays_a_link(module) -> None:
    Path("link.json").symlink_to("target.json")
    call = ["survey", f"{module}:network", "--input", "1x1x12x12", "--methods", "native"]
    assert main([*call, "--json", "link.json"]) == 0
    assert Path("link.json").is_symlink()
    assert json.loads(Path("target.json").read_text())


def test_several_inputs_and_training(module, capsys) -> None:
    call = ["survey", f"{module}:Two", "--input", "1x1x9x9", "--input", "2x1x9x9", "--backward"]
    assert main([*call, "--methods", "native"]) == 0
    assert capsys.readouterr().out.startswith("one call of each layer, forward and backward")


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("{}", (), "the model must be named as package.module:callable, got "),
        ("{}:", (), "the model must be named as package.module:callable, got "),
        ("no_such_module:x", (), "cannot import no_such_module: No module named 'no_such_module'"),
        ("{}_broken:x", (), "_broken: ZeroDivisionError: division by zero"),
        ("{}:nothing", (), " has no nothing"),
        ("{}:number", (), "is neither a model nor callable, but int"),
        ("{}:fails", (), "fails() failed: KeyError: 'no weights here'"),
        ("{}:gives_none", (), "returns no torch.nn.Module, but NoneType"),
        ("{}:no_convolution", (), "the model calls no Conv2d with these inputs"),
        ("{}:Two", (), "the model refuses its inputs: TypeError: "),
        ("{}:network", ("--input", "1x1x12x12"), "the model refuses its inputs: TypeError: "),
        ("{}:network", ("--methods", "magic"), "got 'magic'"),
        ("{}:network", ("--json", "no/folder.json"), "there is no folder no"),
        ("{}:network", ("--json", "."), "cannot write "),
        ("{}:network", ("--json", "n" * 300), "cannot write "),
        ("{}:ends", (), "the model ended the program (5)"),
        ("{}:no_eval", (), "eval() failed: KeyError: 'always training'"),
        ("{}:network", ("--input", "9" * 20 + "x3"), "cannot make an input of 999"),
        ("{}:network", ("--input", "1x3x999999999x999999999"), "cannot make an input of 1x3x9"),
    ],
)
def test_what_cannot_be_is_one_line_and_misuse(module, model, options, message, capsys) -> None:
    call = ["survey", model.format(module), "--input", "1x1x4x4", *options]
    if model == "{}:network":
        call[3] = "1x1x12x12"
    assert main(call) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1, err
    assert err[0].startswith("fftconv survey: ")
    assert message in err[0]


@pytest.mark.parametrize("shape", ["1x0x3", "abc", "", "1x-2"])
def test_an_input_that_is_no_shape_is_misuse(module, shape, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["survey", f"{module}:network", "--input", shape])
    assert end.value.code == 2
    assert "is no shape such as 1x3x224x224" in capsys.readouterr().err


@pytest.mark.slow
def test_a_shell_finds_the_module_in_its_folder(module, tmp_path) -> None:
    call = [sys.executable, "-m", "fftconv", "survey", f"{module}:network"]
    done = subprocess.run(
        [*call, "--input", "1x1x12x12", "--methods", "native"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "The model takes " in done.stdout
    assert "Traceback" not in done.stderr
