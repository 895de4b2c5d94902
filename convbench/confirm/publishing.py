"""Name on asv's page of regressions what is confirmed, and list the other steps below it."""

import enum
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from asv.graph import Graph
from asv.plugins.regressions import Regressions, _GraphDataFilter
from asv.util import load_json

from convbench.confirm.ends import searched
from convbench.confirm.faint import Entry, faint_entries, time_graphs
from convbench.confirm.findings import Finding, Key, findings_file, judged, read_findings
from convbench.confirm.host import explains, host_factor, pace_factor
from convbench.confirm.steps import NAMED, SENTENCES, Judged, State, Step, write_steps
from convbench.drawing.markup import Content, element, join, table
from convbench.files.atomic import replacing
from convbench.results.store import Run, all_runs
from convbench.suite.conditions import written
from convbench.suite.place import is_elsewhere

_MACHINE = re.compile(r"(?:^|/)machine-([^/]+)/")
_BODY = '<div id="regressions-body">'
_TIMES = re.compile(r"(^|\.)time(raw)?_\w*(\(|$)")
# In this suite asv alone starts the processes that `timeraw_` times.
_BY_GATE = re.compile(r"(^|\.)time_\w*(\(|$)")


class Source(enum.Enum):
    """How a step was found, the loudest first."""

    ASV = "by asv"
    ALONE = "by a lower penalty"
    BESIDE = "beside other cells"
    ENDS = "by the gate, from the history's ends"


_FITTED = (Source.ASV, Source.ALONE, Source.BESIDE)

Sources: TypeAlias = dict[int, Source]
"""By the number of the commit that is slower."""

# What other runs have and these have not is `env-NAME-null` in a graph's path.
_SETTING = re.compile(r"env-(?!.*-null$)")


def settings_in_path(settings: Mapping[str, str]) -> set[str]:
    """Return the parts of a graph's path that asv makes of settings.

    Examples
    --------
    >>> settings_in_path({"OMP_NUM_THREADS": "1"})
    {'env-OMP_NUM_THREADS-1'}
    """
    named = {f"env-{name}": value for name, value in settings.items()}
    path = Path(Graph.get_file_path(named, "benchmark"))
    return {part for part in path.parts if part.startswith("env-")}


def _machine(graph_path: str) -> str:
    found = _MACHINE.search(graph_path)
    return found[1] if found else ""


def _gated(cell: str) -> bool:
    """Whether the gate can compare a cell."""
    return bool((_TIMES if is_elsewhere() else _BY_GATE).search(cell))


class Confirmed:
    """The steps of one publishing, with what is known of them."""

    def __init__(
        self, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: dict[str, int]
    ) -> None:
        self._conf, self._repo, self._benchmarks, self._graphs = conf, repo, benchmarks, graphs
        self._hashes = {number: commit for commit, number in revisions.items()}
        self._revisions = revisions
        self._data = _GraphDataFilter(conf, repo, revisions)
        self._runs: dict[str, list[Run]] = {}
        self._known: dict[str, dict[Key, Finding]] = {}

    def publish(self, reference: str, threshold: float, counted: str) -> None:
        """Rewrite asv's list of regressions, its feed, and the page's text below it.

        Parameters
        ----------
        reference
            Finds cells of other people's code.
        threshold
            By how much a step may exceed theirs without being named.
        counted
            Finds cells whose values are no times, and repeat.
        """
        html_dir = Path(self._conf.html_dir)
        entries = load_json(str(html_dir / "regressions.json"))["regressions"]
        known: list[Judged] = []
        kept: dict[tuple[str, str], Entry] = {}
        told: set[tuple[str, str]] = set()

        def note(entry: Entry, jump: list[Any], found: Judged) -> None:
            known.append(found)
            if found.state in NAMED:
                kept.setdefault((entry[0], entry[1]), [*entry[:6], []])[6].append(jump)

        for entry, sources in self._all(entries):
            for jump in entry[6]:
                found = self._judge(entry, jump, reference, threshold, sources)
                if re.search(counted, entry[0]):
                    found = Judged(found.step, State.COUNTED)
                note(entry, jump, found)
                if not found.step.faint and found.state in (*NAMED, State.UNCHECKED):
                    told.add((entry[0], entry[1]))
        # Of cells of which asv tells nothing that holds, the gate tells by itself.
        keys = {found.step.key for found in known}
        for entry in self._searched(told):
            (jump,) = entry[6]
            found = self._judge(entry, jump, reference, threshold, {jump[1]: Source.ENDS})
            if found.step.key not in keys:
                note(entry, jump, found)
        regressions = list(kept.values())
        Regressions._save(self._conf, {"regressions": regressions})
        of_feed = self._conf, self._benchmarks, regressions, self._revisions, self._hashes
        Regressions._save_feed(*of_feed)
        write_steps(html_dir, known)
        index = html_dir / "index.html"
        text = with_list(index.read_text(encoding="utf-8"), known)
        with replacing(index) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _all(self, entries: list[Entry]) -> Iterator[tuple[Entry, Sources]]:
        """Yield asv's entries with the fainter steps of the same cells, and those of others.

        With each goes how its steps were found, by commit: the loudest way counts.
        """
        of_asv = self._conf, self._repo, self._benchmarks, self._graphs, self._revisions
        found: dict[tuple[str, str], tuple[Entry, Sources]] = {}
        ways = zip(_FITTED, (entries, *faint_entries(*of_asv)), strict=True)
        for source, some in ways:
            for entry in some:
                own, sources = found.setdefault((entry[0], entry[1]), ([*entry[:6], []], {}))
                for jump in entry[6]:
                    if jump[1] not in sources:
                        sources[jump[1]] = source
                        own[6].append(jump)
        yield from found.values()

    def _searched(self, left_out: set[tuple[str, str]]) -> list[Entry]:
        """Return the steps that searches have come to, of cells that are not left out."""
        graphs = time_graphs(self._benchmarks, self._graphs)
        return searched(graphs, self._graphs.get_params(), self, left_out)

    def place(self, graph_path: str) -> tuple[str, frozenset[str]]:
        """Return the machine and the settings of a graph."""
        return _machine(graph_path), frozenset(filter(_SETTING.match, graph_path.split("/")))

    def start(self, graph: Any, benchmark: Any, cell: str) -> int | None:
        """Return the first commit that counts, as asv.conf.json says; None if the gate cannot."""
        if not _gated(cell):
            return None
        first: int | None = self._data._get_start_revision(graph, benchmark, cell)
        return first

    def found(self, graph_path: str, cell: str, before: int, after: int) -> Finding | None:
        """Return what the gate found of a cell between two commits."""
        machine = _machine(graph_path)
        settings = self._settings(self._of_graph(graph_path, machine))
        return self._findings(machine).get(
            (cell, self._hashes[before], self._hashes[after], settings)
        )

    def are_neighbours(self, before: int, after: int) -> bool:
        """Whether no commit lies between two: asv asks the same."""
        spec = self._repo.get_range_spec(self._hashes[before], self._hashes[after])
        return len(self._repo.get_hashes_from_range(spec)) == 1

    def _judge(
        self, entry: Entry, jump: list[Any], reference: str, threshold: float, sources: Sources
    ) -> Judged:
        cell, graph_path = entry[0], entry[1]
        first, last, from_value, to_value = jump
        after = self._hashes[last]
        before = self._hashes[first] if first is not None else self._parent(after)
        machine = _machine(graph_path)
        own = self._of_graph(graph_path, machine)
        source = sources[last]
        step = Step(
            machine, cell, before, after, from_value, to_value, _gated(cell), self._settings(own),
            source is not Source.ASV, source is Source.ENDS,
        )  # fmt: skip
        findings = self._findings(machine)
        factors: list[float | None] = []
        # What the machine does to all cells is no part of a difference between them.
        if _TIMES.search(cell) and source not in (Source.BESIDE, Source.ENDS):
            runs = own.get(before), own.get(after)
            factors = [pace_factor(*runs, cell), host_factor(*runs, reference)]
        explained = next((f for f in factors if explains(f, step.ratio, threshold)), None)
        return judged(step, findings, explained)

    def _findings(self, machine: str) -> dict[Key, Finding]:
        if machine not in self._known:
            path = findings_file(Path(self._conf.results_dir), machine)
            self._known[machine] = read_findings(path)
        return self._known[machine]

    @staticmethod
    def _settings(own: Mapping[str, Run]) -> str:
        return next((written(run.settings) for run in own.values()), "")

    def _of_graph(self, graph_path: str, machine: str) -> dict[str, Run]:
        """Return by commit what a machine measured under the settings of a graph of asv's."""
        if machine not in self._runs:
            self._runs[machine] = all_runs(self._conf, self._benchmarks, machine)
        parts = set(graph_path.split("/"))
        return {
            run.commit: run
            for run in self._runs[machine]
            if settings_in_path(run.settings) == {part for part in parts if _SETTING.match(part)}
        }

    def _parent(self, commit: str) -> str:
        return str(self._repo.get_hash_from_name(f"{commit}^"))


def with_list(index: str, steps: list[Judged]) -> str:
    """Return asv's `index.html` with the steps that are not confirmed below its regressions.

    Raises
    ------
    ValueError
        The place is not where this version of asv has it.
    """
    if index.count(_BODY) != 1:
        raise ValueError(f"asv's index.html has no single place that reads {_BODY!r}")
    start = index.index(_BODY)
    end = index.index("</div>", start) + len("</div>")
    return f"{index[:end]}\n{_listed(steps)}{index[end:]}"


def _listed(steps: list[Judged]) -> str:
    named = sum(found.state in NAMED for found in steps)
    faint = sum(found.step.faint and found.state not in NAMED for found in steps)
    steps = [found for found in steps if found.state in NAMED or not found.step.faint]
    parts: list[Content] = [
        element("h3", "What this list is"),
        element(
            "p",
            f"Of {len(steps)} steps in the histories, {named} are named above: times that the gate "
            "found slower where it measured the commit and the one before it side by side; memory, "
            "errors and instructions as asv finds them. The other steps are below.",
        ),
    ]
    if faint:
        parts.append(
            element(
                "p",
                f"{faint} more are too faint for asv to find, or stretches of a history between "
                "whose ends the gate looks for one, and not confirmed; convbench confirm measures "
                "those that are left.",
            )
        )
    for state in (State.UNCHECKED, State.UNDECIDED, State.REFUTED, State.HOST):
        own = [found for found in steps if found.state is state]
        if own:
            parts += [
                element("h4", f"{state.value}: {len(own)}"),
                element("p", SENTENCES[state]),
                _table(own),
            ]
    return element("div", *parts, id="convbench-steps", style="margin:0 2em 4em")


def _table(steps: list[Judged]) -> Content:
    head: list[Content] = ["cell", "machine", "commits", "step", "what is known"]
    rows: list[list[Content]] = [
        [
            found.step.cell,
            found.step.machine,
            f"{found.step.before[:8]} to {found.step.after[:8]}",
            f"{found.step.ratio:.2f}x",
            found.note or ("" if found.step.is_time else "the gate compares times only"),
        ]
        for found in sorted(steps, key=lambda f: -f.step.ratio)
    ]
    made = table(head, rows, class_="table table-condensed")
    return element("div", join(made), style="overflow-x:auto")
