"""What the report measures of this suite, in which order, and how long it will take."""

from typing import TYPE_CHECKING, Any

from convbench.suite.place import has_suite

if TYPE_CHECKING:
    from benchmarks.cases import Direction

# A benchmark that begins with these parameters is cut along them.
SPLIT_PARAMS = ("direction", "method", "threads", "layer")

# What answers "which method?" is measured first, for a report that has no time for everything.
_FIRST = (
    "conv2d.Forward.",
    "conv2d.Backward.",
    "package.Reference.",
    "conv2d.Memory.",
    "conv2d.Accuracy.",
    "limits.",
    "layers.",
)
# The grids, and with how many threads they were measured.
_TABLES = _FIRST[:3]

# What the report leaves to a plain `asv run`: other libraries, whole networks, fftconv's own
# overheads, counts of instructions, and networks' layers by scipy, which loops over planes and
# takes longer than all the rest.
_LEFT_OUT = ("planning.", "overhead.", "peers.", "networks.", "instructions.")
_LAYERS = "layers."
_PLANE_METHODS = ("direct", "fft")


def rank(name: str, leading: dict[str, Any]) -> tuple[bool, bool, int, bool]:
    """Return the place of a benchmark's cells with these leading parameters in the order.

    With one thread comes last: it says how well threads are used, not which method is fastest.
    Before all, in both directions, come the methods of the grid that may be the fastest, and `auto`
    among those that it takes: a table that knows a single method names no winner, and what is
    measured together compares best.
    """
    late = leading.get("method") in _PLANE_METHODS  # scipy's take the longest
    ranks = (rank for rank, start in enumerate(_FIRST) if name.startswith(start))
    place = next(ranks, len(_FIRST))
    behind = late or not name.startswith(_TABLES)
    return leading.get("threads") == 1, behind, place, late


def left_out(name: str, values: tuple[Any, ...]) -> bool:
    """Whether the report leaves out a benchmark's cells with these leading parameters."""
    by_plane = name.startswith(_LAYERS) and bool(set(values) & set(_PLANE_METHODS))
    return name.startswith(_LEFT_OUT) or by_plane


def call_s(params: dict[str, Any], direction: "Direction") -> float:
    """Return the seconds of one call of a cell; 0 if it is skipped, or not worth a forecast."""
    if "method" not in params or not has_suite():
        return 0.0
    from benchmarks.cases import Case
    from benchmarks.layer_cases import LayerCase

    if "layer" in params:
        layer = LayerCase(params["method"], params["layer"], params["filter"])
        return 0.0 if layer.skip_reason(direction) else layer.predicted_s(direction)
    if "input" in params:
        size, taps = params["input"], params["filter"]
    elif "input/filter" in params:
        size, taps = (int(number) for number in params["input/filter"].split("/"))
    else:
        return 0.0
    case = Case(params["method"], size, taps)
    if case.skip_reason(direction) or case.threads_skip_reason(params.get("threads", "all")):
        return 0.0
    return case.predicted_s(direction)
