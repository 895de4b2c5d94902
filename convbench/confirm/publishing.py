"""Name on asv's page of regressions what is confirmed, and list the other steps below it."""

import enum
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from asv.graph import Graph
from asv.plugins.regressions import Regressions
from asv.util import load_json

from convbench.confirm.faint import Entry, faint_entries
from convbench.confirm.findings import findings_file, judged, read_findings
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


class Confirmed:
    """The steps of one publishing, with what is known of them."""

    def __init__(
        self, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: dict[str, int]
    ) -> None:
        self._conf, self._repo, self._benchmarks, self._graphs = conf, repo, benchmarks, graphs
        self._hashes = {number: commit for commit, number in revisions.items()}
        self._revisions = revisions
        self._runs: dict[str, list[Run]] = {}

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
        kept = []
        for entry, sources in self._all(entries):
            own = [self._judge(entry, jump, reference, threshold, sources) for jump in entry[6]]
            if re.search(counted, entry[0]):
                own = [Judged(found.step, State.COUNTED) for found in own]
            known += own
            jumps = [
                jump for jump, found in zip(entry[6], own, strict=True) if found.state in NAMED
            ]
            if jumps:
                kept.append([*entry[:6], jumps])
        Regressions._save(self._conf, {"regressions": kept})
        Regressions._save_feed(self._conf, self._benchmarks, kept, self._revisions, self._hashes)
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
        for source, some in zip(Source, (entries, *faint_entries(*of_asv)), strict=True):
            for entry in some:
                own, sources = found.setdefault((entry[0], entry[1]), ([*entry[:6], []], {}))
                for jump in entry[6]:
                    if jump[1] not in sources:
                        sources[jump[1]] = source
                        own[6].append(jump)
        yield from found.values()

    def _judge(
        self, entry: Entry, jump: list[Any], reference: str, threshold: float, sources: Sources
    ) -> Judged:
        cell, graph_path = entry[0], entry[1]
        first, last, from_value, to_value = jump
        after = self._hashes[last]
        before = self._hashes[first] if first is not None else self._parent(after)
        found = _MACHINE.search(graph_path)
        machine = found[1] if found else ""
        gated = bool((_TIMES if is_elsewhere() else _BY_GATE).search(cell))
        own = self._of_graph(graph_path, machine)
        settings = next((written(run.settings) for run in own.values()), "")
        faint = sources[last] is not Source.ASV
        step = Step(machine, cell, before, after, from_value, to_value, gated, settings, faint)
        findings = read_findings(findings_file(Path(self._conf.results_dir), machine))
        factors: list[float | None] = []
        # What the machine does to all cells is no part of a difference between them.
        if _TIMES.search(cell) and sources[last] is not Source.BESIDE:
            runs = own.get(before), own.get(after)
            factors = [pace_factor(*runs, cell), host_factor(*runs, reference)]
        explained = next((f for f in factors if explains(f, step.ratio, threshold)), None)
        return judged(step, findings, explained)

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
                f"{faint} more are too faint for asv to find, and not confirmed; "
                "convbench confirm measures those that are left.",
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
