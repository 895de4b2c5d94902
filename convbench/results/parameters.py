"""The parameters of a benchmark's cells, as asv writes them."""

import ast
import itertools
from typing import Any


def param_values(benchmark: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of each cell of a benchmark, in asv's order."""
    names = benchmark["param_names"]
    axes = [[_value(text) for text in axis] for axis in benchmark["params"]]
    return [dict(zip(names, cell, strict=True)) for cell in itertools.product(*axes)]


class Written(str):
    """A parameter that is no number or text: as asv writes it, which says itself what it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Write it as asv does."""
        return str(self)


def _value(text: str) -> Any:
    """Return a parameter from what asv stores, the repr of it: "'fft'", "512".

    Examples
    --------
    >>> _value("512"), _value("[1, 2]"), _value("<function f>")
    (512, [1, 2], <function f>)
    """
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return Written(text)
    plain = isinstance(value, (str, int, float, type(None)))
    return value if plain and repr(value) == text else Written(text)
