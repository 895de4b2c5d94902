"""`convbench layer` from end to end: a layer of a package of its own; what cannot be done."""

import json
import os
import subprocess
import sys
import sysconfig
import textwrap
import venv
from pathlib import Path

import pytest

from convbench.__main__ import main

from .conftest import CORRECT

ROOT = Path(__file__).parents[3]
BAD = """
    import torch

    number = 3
    class NeedsArguments(torch.nn.Module):
        def __init__(self, width):
            super().__init__()

    def refuses(x):
        raise ValueError("images only\\nand no more than two")

    def text(x):
        return "no tensor"

    def factory_that_fails():
        raise OSError("no weights")
"""


NARROW = """
    class Narrow(Layer):
        def forward(self, image):
            image = super().forward(image)
            return image.float()
"""


def convbench(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "convbench", "layer", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_correct_layer_of_the_current_folder_passes(tmp_path) -> None:
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "layers.py").write_text(textwrap.dedent(CORRECT))
    done = convbench(
        *("mine.layers:Layer(8)", "--input", "5x8", "--reference", "mine.layers:Layer(width=8)"),
        *("--output", "page.html", "--json", "all.json"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for word in ("no check failed", "ratio", "mine/layers.py:", "wrote page.html", "conversion"):
        assert word in done.stdout
    found = json.loads((tmp_path / "all.json").read_text())
    outcomes = {finding["check"]: finding["outcome"] for finding in found["findings"]}
    assert set(outcomes.values()) <= {"pass", "none"}
    assert outcomes["gradgradcheck"] == outcomes["torch.compile"] == outcomes["vmap"] == "pass"
    assert outcomes["reference"] == "pass"
    assert found["inputs"] == [[5, 8]]
    assert {time["direction"] for time in found["times"]} == {"forward", "backward"}
    assert found["times"][0]["ratio"]["low"] > 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_a_layer_that_is_installed_in_an_environment_of_its_own(tmp_path) -> None:
    source, environment = tmp_path / "source", tmp_path / "environment"
    (source / "theirs").mkdir(parents=True)
    (source / "theirs" / "__init__.py").write_text(textwrap.dedent(CORRECT + NARROW))
    (source / "pyproject.toml").write_text(
        '[project]\nname = "theirs"\nversion = "1"\n[tool.setuptools]\npackages = ["theirs"]\n'
    )
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    site = Path(done.stdout.strip())
    (site / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    options = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(source))
    subprocess.run(pip, check=True)
    done = subprocess.run(
        [python, "-m", "convbench", "layer", "theirs:Narrow", "--input", "5x6", "--json", "f.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "f.json").read_text())["findings"]
    failed = {finding["check"]: finding for finding in found if finding["outcome"] == "fail"}
    assert failed["dtype"]["code"] == "return image.float()"
    assert failed["dtype"]["place"].startswith(f"{site.relative_to(tmp_path)}/theirs/")


@pytest.fixture
def bad(tmp_path, monkeypatch) -> str:
    monkeypatch.syspath_prepend(tmp_path)
    name = f"bad_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(BAD))
    (tmp_path / f"{name}_syntax.py").write_text("def broken(:\n")
    (tmp_path / f"{name}_exit.py").write_text("raise SystemExit(0)\n")
    (tmp_path / f"{name}_import.py").write_text("import no_such_library\n")
    return name


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        ("no_such_module:f", (), "there is no module no_such_module"),
        ("{bad}.inner:f", (), "there is no module {bad}.inner"),
        ("{bad}:nothing", (), "{bad} has no nothing"),
        ("{bad}:number.nothing", (), "{bad} has no number.nothing"),
        ("{bad}:number", (), "{bad}:number is not callable, but an int"),
        ("{bad}:number(3)", (), "{bad}:number(3) is not callable, but an int"),
        ("{bad}", (), "'{bad}' is no package.module:callable"),
        ("{bad}:refuses(x)", (), "are no Python literals"),
        ("{bad}:refuses(3)(4)", (), "are no Python literals"),
        ("{bad}_syntax:f", (), "cannot import {bad}_syntax: SyntaxError"),
        ("{bad}_exit:f", (), "cannot import {bad}_exit: SystemExit"),
        ("{bad}_import:f", (), "cannot import {bad}_import: No module named 'no_such_library'"),
        ("{bad}:NeedsArguments", (), "{bad}:NeedsArguments() failed: TypeError"),
        ("{bad}:factory_that_fails", (), "failed: OSError: no weights"),
        ("{bad}:refuses", (), "{bad}:refuses refuses float32 input 4x4: ValueError: images only"),
        ("{bad}:text", (), "{bad}:text returns no tensor, but str"),
        ("torch:relu", ("--reference", "{bad}:refuses"), "{bad}:refuses refuses float32 input 4x4"),
        ("torch:relu", ("--reference", "{bad}:nothing"), "{bad} has no nothing"),
        ("torch:add", (), "torch:add refuses float32 input 4x4: TypeError"),
        ("torch:relu", ("--output", "/dev/null/page.html"), "cannot be written"),
        ("torch:relu", ("--json", "."), "--json . cannot be written"),
        ("torch:relu", ("--input", "4x"), "'4x' is no shape such as 64x64"),
        ("torch:relu", ("--input", "0x4"), "'0x4' is no shape"),
        ("torch:relu", ("--input", "-1x4"), "'-1x4' is no shape"),
        ("torch:relu", ("--dtype", "int8"), "invalid choice: 'int8'"),
    ],
)
def test_what_makes_no_sense_is_one_line(layer, options, message, bad, capsys, monkeypatch) -> None:
    words = (layer, "--input=4x4", *options)
    words = tuple(word.format(bad=bad) for word in words)
    # An option's value that begins with a dash needs its equals sign.
    words = tuple(" ".join(words).replace("--input -1", "--input=-1").split(" "))
    monkeypatch.setattr(sys, "argv", ["convbench", "layer", *words])
    try:
        status = main()
    except SystemExit as end:  # argparse's own
        status = int(str(end.code))
    said = capsys.readouterr().err
    assert status == 2, said
    assert message.format(bad=bad) in said
    assert "Traceback" not in said
    *usage, line = said.rstrip("\n").split("\n")
    assert "convbench layer: " in line
    assert not usage or usage[0].startswith("usage: ")


def test_inputs_have_to_be_named(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["convbench", "layer", "torch:relu"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "--input" in capsys.readouterr().err
