"""The answer page's form and the places that its script fills."""

import json
from typing import Any

from convbench.drawing.markup import Content, Markup, element
from convbench.drawing.palette import tint_index

_NUMBERS = (
    ("h", "image height", "512"),
    ("w", "image width", "512"),
    ("k", "filter (k x k)", "15"),
    ("n", "batch", "1"),
    ("ci", "channels in", "1"),
    ("co", "channels out", "1"),
    ("g", "groups", "1"),
)
NAME = "ANSWER_DATA"


def data_script(predicted: dict[str, Any], measured: list[dict[str, Any]]) -> str:
    """Return the script that holds the page's figures: a page that is a file may load no other."""
    methods = {m for machine in measured for cell in machine["cells"] for m in cell["methods"]}
    data = {"predicted": predicted, "machines": measured, "tints": tint_index(methods)}
    return f"const {NAME} = {json.dumps(data, separators=(',', ':'))};\n"


def answer_body(predicted: dict[str, Any], measured: list[dict[str, Any]]) -> list[Content]:
    """Return the form, and below it what the script fills."""
    return [
        _form(predicted["threads"], [machine["name"] for machine in measured]),
        element(
            "noscript",
            element("p", "This page computes its answer by a script; the other pages need none."),
        ),
        element(
            "div",
            element("p", id="problem", role="alert"),
            element("div", id="answer", aria_live="polite"),
            element("h2", "What each method is predicted to take"),
            element("div", id="methods", class_="scroll"),
            element("p", id="range-note"),
            element("h2", "Time against filter size at this image size"),
            element("div", id="chart", class_="scroll"),
            element("h2", "The nearest measured cells"),
            element("div", id="nearest", class_="scroll"),
            element("p", id="caption", class_="conditions"),
            id="result",
        ),
    ]


def _form(threads: int, machines: list[str]) -> Markup:
    numbers = [
        element(
            "label",
            title,
            element("input", type="number", name=name, value=value, min="1", required=True),
        )
        for name, title, value in _NUMBERS
    ]
    choices = (
        ("dtype", "dtype", {"float32": "float32", "float64": "float64"}),
        ("t", "threads", {"all": f"all ({threads})", "1": "1"}),
        ("d", "what is computed", {"output": "output only", "gradients": "output and gradients"}),
        ("machine", "measured on", {name: name for name in machines}),
    )
    selects = [
        element(
            "label",
            title,
            element(
                "select",
                *[element("option", text, value=value) for value, text in options.items()],
                name=name,
            ),
        )
        for name, title, options in choices
        if options
    ]
    return element("form", *numbers, *selects, id="question", aria_label="The convolution")
