"""The table of methods in docs/ is what the methods say, and the docstrings' examples run."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fftconv
from fftconv import modules
from fftconv.methods import description
from fftconv.methods.registry import REGISTRY

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "in-place-of-torch.md"


def test_table_is_what_the_methods_say() -> None:
    """To write it anew: python -m fftconv.methods."""
    printed = subprocess.run(
        [sys.executable, "-m", "fftconv.methods"], capture_output=True, text=True, check=True
    ).stdout
    held = re.search("<!-- methods:begin -->\n(.*)<!-- methods:end -->", PAGE.read_text(), re.S)
    assert held is not None
    assert held[1].strip() == printed.strip()


@pytest.mark.parametrize(
    ("arguments", "named", "says"),
    [
        (["nope"], "", "unrecognized arguments: nope"),
        ([], "no_such_module", "FFTCONV_METHODS=no_such_module: ModuleNotFoundError: "),
    ],
)
def test_misuse_of_the_command_is_a_line_and_2(arguments, named, says) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fftconv.methods", *arguments],
        env={**os.environ, "FFTCONV_METHODS": named}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_table_asks_the_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    native = REGISTRY["native"]
    before = description.table([description.describe(native)])
    monkeypatch.setattr(native, "unsupported", lambda *_: "Not today.")
    monkeypatch.setattr(native, "unavailable", lambda: "Torch is on holiday.")
    described = description.describe(native)
    assert description.table([described]) == before.replace("| yes ", "| no ")
    assert "here: Torch is on holiday." in str(described)


def test_methods_are_described() -> None:
    assert {"direct", "fft", "native", "auto"} <= fftconv.methods().keys()
    assert fftconv.methods()["fft"].half == "in float32"
    assert fftconv.methods()["native"].half == "yes"
    assert fftconv.methods()["direct"].unavailable is None


def test_docstring_examples_run() -> None:
    result = doctest.testmod(modules)
    assert result.attempted
    assert not result.failed
