"""Cut the suite into pieces that asv runs one after the other.

asv saves the results of a commit when the run ends: an interrupted run of several minutes leaves
nothing. A chunk is a set of cells that one `asv run --bench REGEX` measures in seconds; what is
done stays done.
"""

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from asv.benchmarks import Benchmarks

from benchmarks.cases import Case, Direction
from benchmarks.layer_cases import LayerCase
from convbench.store import Run, param_values

# A benchmark of more cells than this is cut along its leading parameters.
_CELLS_PER_CHUNK = 30
_SPLIT_PARAMS = ("direction", "method")

# What a cell takes besides its calls: a fork, operands, and for times the samples.
_CELL_OVERHEAD_S = 0.06
_SAMPLING_S = 0.25
_TIMERAW_S = 4.0
_ASV_STARTUP_S = 3.0


@dataclass(frozen=True)
class Chunk:
    """Cells that one asv run measures."""

    title: str
    regex: str
    cells: frozenset[tuple[str, tuple[Any, ...]]]
    expected_s: float

    def measured_in(self, run: Run | None) -> bool:
        """Whether `run` holds every cell."""
        if run is None:
            return False
        return self.cells <= {(r.benchmark, tuple(r.params.values())) for r in run.records}


def _call_s(params: dict[str, Any], direction: Direction) -> float:
    """Seconds of one call of a cell; 0 where it is skipped, or not worth a forecast."""
    if "method" not in params:
        return 0.0
    if "layer" in params:
        layer = LayerCase(params["method"], params["layer"], params["filter"])
        return 0.0 if layer.skip_reason(direction) else layer.predicted_s(direction)
    if "input" in params:
        size, taps = params["input"], params["filter"]
    else:
        size, taps = (int(number) for number in params["input/filter"].split("/"))
    case = Case(params["method"], size, taps)
    return 0.0 if case.skip_reason(direction) else case.predicted_s(direction)


def _cell_s(benchmark: dict[str, Any], params: dict[str, Any]) -> float:
    if benchmark["name"].split(".")[-1].startswith("timeraw_"):
        return _TIMERAW_S
    backward = "backward" in (params.get("direction"), benchmark["name"].rsplit("_", 1)[-1])
    call = _call_s(params, "backward" if backward else "forward")
    if benchmark["type"] == "time":
        return _CELL_OVERHEAD_S + max(_SAMPLING_S, 3 * call)
    return _CELL_OVERHEAD_S + call


def _chunk(title: str, regex: str, cells: list[tuple[dict[str, Any], dict[str, Any]]]) -> Chunk:
    return Chunk(
        title,
        regex,
        frozenset((benchmark["name"], tuple(params.values())) for benchmark, params in cells),
        _ASV_STARTUP_S + sum(_cell_s(benchmark, params) for benchmark, params in cells),
    )


def _split(benchmark: dict[str, Any]) -> list[Chunk]:
    """Cut one large benchmark along its leading parameters."""

    def key(params: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(params[name] for name in _SPLIT_PARAMS if name in params)

    name = benchmark["name"]
    chunks = []
    for values, group in groupby(param_values(benchmark), key):
        # asv matches the regex against name(value, value, ...), each value as its repr.
        regex = re.escape(name) + r"\(" + "".join(f"{value!r}, " for value in values)
        title = " ".join([name, *map(str, values)])
        chunks.append(_chunk(title, f"^{regex}", [(benchmark, params) for params in group]))
    return chunks


def suite_chunks(benchmarks: Benchmarks) -> list[Chunk]:
    """Return the whole suite in chunks, in the order of the benchmarks' names."""
    chunks: list[Chunk] = []
    small: dict[str, list[dict[str, Any]]] = {}
    for name, benchmark in sorted(benchmarks.items()):
        if len(param_values(benchmark)) > _CELLS_PER_CHUNK:
            chunks += _split(benchmark)
        else:
            small.setdefault(name.split(".")[0], []).append(benchmark)
    for module, members in sorted(small.items()):
        names = "|".join(re.escape(benchmark["name"]) for benchmark in members)
        cells = [(benchmark, p) for benchmark in members for p in param_values(benchmark)]
        title = module if len(members) > 1 else members[0]["name"]
        chunks.append(_chunk(title, rf"^({names})(\(|$)", cells))
    return chunks
