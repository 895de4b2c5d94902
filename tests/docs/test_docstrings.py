"""The docstrings of the reference: what goes in, what comes out, what fails, for every name."""

import inspect
from typing import Any

import pytest
import torch

import fftconv

docscrape = pytest.importorskip("numpydoc.docscrape", reason="the [docs] extra is not installed")

PUBLIC = {
    name: value
    for name, value in vars(fftconv).items()
    if callable(value) and not name.startswith("_")
}
FUNCTIONS = [name for name, value in PUBLIC.items() if not inspect.isclass(value)]
LAYERS = [
    name
    for name, value in PUBLIC.items()
    if inspect.isclass(value) and issubclass(value, torch.nn.Module)
]


def sections(value: Any) -> Any:
    return docscrape.NumpyDocString(inspect.getdoc(value))


def named(doc: Any) -> set[str]:
    entries = [name for entry in doc["Parameters"] for name in entry.name.split(", ")]
    return {name.lstrip("*") for name in entries}


def test_there_are_functions_and_layers() -> None:
    assert {"conv2d", "plan"} <= set(FUNCTIONS)
    assert {"Conv2d", "ScipyConv2d"} <= set(LAYERS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_returns_and_refuses(name) -> None:
    function = PUBLIC[name]
    doc = sections(function)
    takes = set(inspect.signature(function).parameters)
    assert named(doc) == takes
    assert doc["Returns"] or inspect.signature(function).return_annotation in (None, "None")
    assert doc["Raises"] or not takes


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_says_what_it_takes_its_shapes_and_what_it_refuses(name) -> None:
    doc = sections(PUBLIC[name])
    constructor = inspect.signature(PUBLIC[name].__init__).parameters
    assert named(doc) == set(constructor) - {"self"}
    assert doc["Raises"]
    assert doc["Notes"]


@pytest.mark.parametrize("name", PUBLIC)
def test_each_name_has_a_summary(name) -> None:
    assert sections(PUBLIC[name])["Summary"]
