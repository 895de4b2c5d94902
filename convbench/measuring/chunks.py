"""Cut what the report measures into pieces that asv runs one after the other.

asv saves the results of a commit when the run ends: an interrupted run of several minutes leaves
nothing. A chunk is a set of cells that one `asv run --bench REGEX` measures in seconds; what is
done stays done.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import Any

from asv.benchmarks import Benchmarks

from convbench.results.parameters import param_values
from convbench.results.reasons import CellKey, cell_name
from convbench.results.store import Run
from convbench.suite.forecast import SPLIT_PARAMS, call_s, left_out, rank

# Pieces are joined until they are expected to take this long: what an interruption may lose. The
# cells of a part take turns, and the longer that takes, the more moments of the machine all of them
# meet. Each part also costs a start of asv, which imports everything twice.
_CHUNK_S = 120.0
# Cells of other kinds take no turns: some of them fit into what is left of a report's time.
_SMALL_CHUNK_S = 60.0

# What a cell takes besides its calls: a fork and operands (300 cells of memory 35 to 43 s, of
# errors 44, two cores of a Xeon), and for times its turns (24 of 26 ms, what is between them too).
# A limit is the least of many samples (24 in 22 s).
_CELL_OVERHEAD_S = 0.12
_SAMPLING_S = 0.6
_TIMERAW_S = 4.0
_LIMIT_S = 0.9
_ASV_STARTUP_S = 7.0


Shape = tuple[Any, ...]
"""The values of a cell's parameters but its method."""


@dataclass(frozen=True)
class Chunk:
    """Cells that one asv run measures."""

    title: str
    regex: str
    cells: frozenset[CellKey]
    expected_s: float
    turns_s: float = 0.0
    """What of it the turns of cells take: twice as many take twice as long."""

    def missing(self, run: Run | None) -> frozenset[CellKey]:
        """Return the cells that `run` has neither a value of nor a reason for having none.

        A cell whose turns did not agree is missing, too.
        """
        records = () if run is None else run.records
        return self.cells - {record.key for record in records if record.settled}

    def narrowed(self, cells: frozenset[CellKey]) -> "Chunk":
        """Return the chunk with these of its cells alone."""
        if cells == self.cells:
            return self
        cell_s = (self.expected_s - _ASV_STARTUP_S) / len(self.cells)
        turns_s = self.turns_s * len(cells) / len(self.cells)
        title = f"{len(cells)} of {self.title}"
        return replace(of_cells(cells, cell_s), title=title, turns_s=turns_s)


def of_cells(cells: Iterable[CellKey], cell_s: float) -> Chunk:
    """Return a chunk of single cells, each of which is expected to take `cell_s`."""
    chosen = frozenset(cells)
    return Chunk(
        f"{len(chosen)} cells once more",
        f"^({_names(sorted(chosen, key=str))})$",
        chosen,
        _ASV_STARTUP_S + len(chosen) * cell_s,
    )


def _turns_s(benchmark: dict[str, Any], params: dict[str, Any]) -> float:
    """Return what the turns of a cell take; 0 if it has none."""
    if benchmark["type"] != "time" or _is_raw(benchmark):
        return 0.0
    return max(_SAMPLING_S, 9 * _call_s(benchmark, params))


def _is_raw(benchmark: dict[str, Any]) -> bool:
    return bool(benchmark["name"].split(".")[-1].startswith("timeraw_"))


def _call_s(benchmark: dict[str, Any], params: dict[str, Any]) -> float:
    backward = "backward" in (params.get("direction"), benchmark["name"].rsplit("_", 1)[-1])
    return call_s(params, "backward" if backward else "forward")


def _cell_s(benchmark: dict[str, Any], params: dict[str, Any]) -> float:
    if _is_raw(benchmark):
        return _TIMERAW_S
    if benchmark["name"].startswith("limits."):
        return _LIMIT_S
    turns_s = _turns_s(benchmark, params)
    return _CELL_OVERHEAD_S + (turns_s or _call_s(benchmark, params))


@dataclass(frozen=True)
class _Piece:
    """Cells of one benchmark that one regular expression names."""

    title: str
    regex: str
    shapes: dict[CellKey, Shape]
    """The cells, in asv's order, and what they share with those of other methods."""
    expected_s: float
    turns_s: float

    def only(self, chosen: Collection[CellKey]) -> "_Piece":
        """Return the piece with these of its cells alone, which its expression does not choose."""
        shapes = {cell: shape for cell, shape in self.shapes.items() if cell in chosen}
        share = len(shapes) / len(self.shapes)
        return replace(
            self, shapes=shapes, expected_s=share * self.expected_s, turns_s=share * self.turns_s
        )


def _names(cells: Iterable[CellKey]) -> str:
    return "|".join(re.escape(cell_name(cell)) for cell in cells)


def _pieces(
    benchmark: dict[str, Any], *, everything: bool
) -> Iterator[tuple[dict[str, Any], _Piece]]:
    """Cut one benchmark along its leading parameters; yield their values, too."""

    def key(params: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(params[name] for name in takewhile(SPLIT_PARAMS.__contains__, params))

    name = benchmark["name"]
    for values, group in groupby(param_values(benchmark), key):
        if not everything and left_out(name, values):
            continue
        members = list(group)
        # asv matches the regex against name(value, value, ...), each value as its repr.
        start = r"\(" + "".join(f"{value!r}, " for value in values) if values else r"(\(|$)"
        leading = dict(zip(members[0], values, strict=False))
        yield (
            leading,
            _Piece(
                " ".join([name, *map(str, values)]),
                re.escape(name) + start,
                {(name, tuple(params.values())): _shape(params) for params in members},
                sum(_cell_s(benchmark, params) for params in members),
                sum(_turns_s(benchmark, params) for params in members),
            ),
        )


def _shape(params: dict[str, Any]) -> Shape:
    return tuple(value for name, value in params.items() if name != "method")


def _cut(pieces: list[_Piece], most_s: float) -> Iterator[list[_Piece]]:
    """Cut what takes too long for one chunk, so that each has all methods of a shape."""
    number = math.ceil(sum(piece.expected_s for piece in pieces) / most_s)
    if number <= 1:
        yield pieces
        return
    shapes = list(dict.fromkeys(shape for piece in pieces for shape in piece.shapes.values()))
    for part in range(number):
        # Each takes from all sizes, and so about as long as the others.
        chosen = set(shapes[part::number])
        cells = [[c for c, shape in piece.shapes.items() if shape in chosen] for piece in pieces]
        yield [
            replace(piece.only(own), regex=_names(own))
            for piece, own in zip(pieces, cells, strict=True)
            if own
        ]


def _chunk(pieces: list[_Piece], pattern: str | None) -> Chunk:
    more = f" and {len(pieces) - 1} more" if len(pieces) > 1 else ""
    also = f"(?=.*(?:{pattern}))" if pattern is not None else ""
    return Chunk(
        pieces[0].title + more,
        f"^{also}({'|'.join(piece.regex for piece in pieces)})",
        frozenset(cell for piece in pieces for cell in piece.shapes),
        _ASV_STARTUP_S + sum(piece.expected_s for piece in pieces),
        sum(piece.turns_s for piece in pieces),
    )


def report_chunks(benchmarks: Benchmarks, pattern: str | None = None) -> list[Chunk]:
    """Return what the report measures in chunks, what answers the first question first.

    With a `pattern` it is every cell of the suite that asv finds by it, what the report leaves to
    a plain `asv run` among them.
    """
    pieces = [
        (rank(name, values), name, piece)
        for name, benchmark in sorted(benchmarks.items())
        for values, whole in _pieces(benchmark, everything=pattern is not None)
        if (piece := whole if pattern is None else _matching(whole, pattern)).shapes
    ]
    chunks: list[Chunk] = []
    together: list[_Piece] = []
    for (_, name), group in groupby(sorted(pieces, key=_place), key=_place):
        most_s = _CHUNK_S if benchmarks[name]["type"] == "time" else _SMALL_CHUNK_S
        for more in _cut([piece for *_, piece in group], most_s):
            if together and sum(p.expected_s for p in (*together, *more)) > most_s:
                chunks.append(_chunk(together, pattern))
                together = []
            together += more
    return [*chunks, _chunk(together, pattern)] if together else chunks


def _place(entry: tuple[Any, str, _Piece]) -> tuple[Any, str]:
    return entry[:2]


def _matching(piece: _Piece, pattern: str) -> _Piece:
    """Leave of a piece the cells that asv finds by `pattern`."""
    # The chunk's expression has the pattern, too.
    return piece.only([cell for cell in piece.shapes if re.search(pattern, cell_name(cell))])
