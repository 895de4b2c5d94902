"""Read asv's results: by its own classes, one record a cell."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.console import log
from asv.machine import Machine
from asv.results import Results, iter_results_paths
from asv.util import UserError

from convbench.command_line.failure import CommandError, MisuseError
from convbench.results.parameters import param_values
from convbench.results.reasons import (
    DISTURBED,
    CellKey,
    read_reasons,
    reasons_file,
    slowdown,
)
from convbench.suite.conditions import TOLERANCE, kept_apart, written

# What asv and we stumble over where a file is JSON, but not a result's.
_DAMAGES = (ValueError, TypeError, AttributeError, KeyError, IndexError)
# Parameters that name who does a cell's work.
_WORKERS = ("method", "peer")
# What a neighbour on the same physical core slows a probe by, it slows methods by as much to within
# a tenth or so: 1.45 to 1.55 beside 1.48, for direct, compiled, tiled, scipy's and torch's. This
# power of it is more than any was seen to gain.
_SENSITIVE = 1.25


class StoreError(CommandError):
    """The results cannot be read; the message says which and why, in one line."""


class NotThereError(StoreError, MisuseError):
    """Nothing was measured of what the command line names; the message says what there is."""


@dataclass(frozen=True)
class Record:
    """One cell of one benchmark: what was measured, and how sure that is."""

    benchmark: str
    params: dict[str, Any]
    value: float
    """In the benchmark's unit: seconds, bytes, relative error. NaN where asv shows n/a."""
    interval: tuple[float, float] | None
    """99% confidence interval of the median of the samples, where asv gives one."""
    samples: int | None
    """How many samples the value is the median of; None where it is no median."""
    reason: str | None = None
    """Why there is no value, as the benchmark said it; None where asv may only have left it out."""
    slowdown: float = 1.0
    """By what factor the machine was slower meanwhile than it has been seen to be."""
    behind: float = 1.0
    """By what factor it was slower than for the fastest of the cell's rivals, beyond tolerance."""

    @property
    def paced(self) -> float:
        """What the value were, about, at the pace that the fastest of its rivals met."""
        return self.value / self.behind

    @property
    def leeway(self) -> float:
        """What is left of the value, at the least, at that pace."""
        return left_of(self.behind)

    @property
    def key(self) -> CellKey:
        """Which cell it is."""
        return self.benchmark, tuple(self.params.values())

    @property
    def skipped(self) -> bool:
        """Whether there is no value: for what reason, `reason` says."""
        return math.isnan(self.value)

    @property
    def disturbed(self) -> bool:
        """Whether the machine was not quiet enough for this cell."""
        return self.skipped and (self.reason or "").startswith(DISTURBED)

    @property
    def absence(self) -> str:
        """Say in a word why there is no value: asv has the same for what nobody asked it for."""
        if self.disturbed:
            return "disturbed"
        return "not run" if self.reason is None else "skipped"

    @property
    def settled(self) -> bool:
        """Whether there is a value, or none for good."""
        return not self.skipped or (self.reason is not None and not self.disturbed)


@dataclass(frozen=True)
class Run:
    """What one machine measured of one commit in one environment."""

    machine: str
    commit: str
    date_ms: int
    env_name: str
    requirements: dict[str, str]
    python: str
    records: tuple[Record, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of the environment that were set while it was measured, and matter to a time."""

    def of(self, benchmark: str) -> list[Record]:
        """Return the records of one benchmark, by its full name."""
        return [record for record in self.records if record.benchmark == benchmark]


def load_config(path: Path = Path("asv.conf.json")) -> Config:
    """Read asv.conf.json; every path in it is relative to the working directory."""
    try:
        return Config.load(str(path))
    except UserError as error:
        raise StoreError(f"{path}: {error}. Run this from the root of the clone.") from error


def load_benchmarks(conf: Config) -> Benchmarks:
    """Return what asv knows of the benchmarks, from the last discovery."""
    try:
        return Benchmarks.load(conf)
    except UserError:
        raise StoreError(
            f"{conf.results_dir}/benchmarks.json is missing or unreadable; "
            f"`asv run --bench just-discover` writes it"
        ) from None


def machines(conf: Config) -> list[str]:
    """Return the names of the machines that have results, sorted."""
    return sorted(path.parent.name for path in Path(conf.results_dir).glob("*/machine.json"))


def machine_facts(conf: Config, machine: str) -> dict[str, str]:
    """Return what asv noted of a machine: cpu, num_cpu, ram, os, arch."""
    path = Path(conf.results_dir) / machine / "machine.json"
    if not path.exists():
        known = ", ".join(machines(conf)) or "none"
        raise NotThereError(
            f"no results of machine {machine!r} in {conf.results_dir}/ (has: {known})"
        )
    loaded = Machine()
    loaded.__dict__.update(_read_json(path))
    return {key: str(value) for key, value in loaded.__dict__.items()}


def _read_json(path: Path) -> dict[str, Any]:
    from asv.util import load_json

    try:
        data: dict[str, Any] = load_json(str(path))
    except UserError as error:
        raise StoreError(str(error)) from error
    return data


def left_of(slowdown: float) -> float:
    """Return what is left of a time, at the least, on a machine that is so much faster."""
    return math.pow(slowdown, -_SENSITIVE)


def _held_apart(records: list[Record]) -> Iterator[Record]:
    """Say of cells whose rivals were measured while the machine was faster by how much it was.

    The rivals of a cell differ from it by who does the work alone.
    """
    fastest: dict[tuple[Any, ...], float] = {}
    for record in records:
        if not record.skipped:
            least = fastest.get(_work(record), math.inf)
            fastest[_work(record)] = min(least, record.slowdown)
    for record in records:
        behind = record.slowdown / fastest.get(_work(record), record.slowdown)
        apart = not record.skipped and behind > TOLERANCE
        yield replace(record, behind=behind) if apart else record


def _work(record: Record) -> tuple[Any, ...]:
    params = [(name, v) for name, v in record.params.items() if name not in _WORKERS]
    # Where nobody competes, every cell is work of its own.
    return record.benchmark, *params, *(() if len(params) < len(record.params) else record.key)


def _records(
    results: Results, benchmarks: Benchmarks, reasons: dict[CellKey, str]
) -> Iterator[Record]:
    for name in sorted(results.get_result_keys(benchmarks)):
        benchmark = benchmarks[name]
        values = results.get_result_value(name, benchmark["params"])
        stats = results.get_result_stats(name, benchmark["params"])
        for params, value, stat in zip(param_values(benchmark), values, stats, strict=True):
            if value is None:  # failed, or not measured yet
                continue
            stat = stat or {}
            low, high = stat.get("ci_99_a"), stat.get("ci_99_b")
            interval = None if low is None or high is None else (low, high)
            said = reasons.get((name, tuple(params.values())))
            reason = said if math.isnan(value) else None
            yield Record(
                name, params, float(value), interval, stat.get("repeat"), reason, slowdown(said)
            )


def _settings(conf: Config, results: Results) -> dict[str, str]:
    """Return the variables that asv's configuration does not name itself."""
    named = {name for kind in ("env", "env_nobuild") for name in conf.matrix.get(kind, {})}
    return {name: str(value) for name, value in results.env_vars.items() if name not in named}


def _reasons(folder: Path, results: Results) -> dict[CellKey, str]:
    return read_reasons(reasons_file(folder / results._filename))


def runs(conf: Config, benchmarks: Benchmarks, machine: str) -> list[Run]:
    """Return what a machine measured under the settings in force here, oldest commit first.

    What was measured under others (`benchmarks.settings`) is another experiment.
    """
    return [run for run in all_runs(conf, benchmarks, machine) if run.settings == kept_apart()]


def all_runs(conf: Config, benchmarks: Benchmarks, machine: str) -> list[Run]:
    """Return what a machine measured under whatever settings, oldest commit first."""
    folder = Path(conf.results_dir)
    if not (folder / machine).is_dir():
        return []
    found = []
    for root, name, named in iter_results_paths(str(folder / machine)):
        path = Path(root) / name
        try:
            results = Results.load(str(path), machine_name=named)
            found.append(_run(conf, benchmarks, machine, results))
        except UserError as error:
            log.warning(str(error))
        except _DAMAGES as error:
            log.warning(f"{path} is damaged and left out: {type(error).__name__}: {error}")
    return sorted(found, key=lambda run: run.date_ms)


def _run(conf: Config, benchmarks: Benchmarks, machine: str, results: Results) -> Run:
    folder = Path(conf.results_dir)
    return Run(
        machine=machine,
        commit=results.commit_hash,
        date_ms=results.date,
        env_name=results.env_name,
        requirements=dict(results._requirements),
        python=results._python,
        records=tuple(_held_apart(list(_records(results, benchmarks, _reasons(folder, results))))),
        settings=_settings(conf, results),
    )


def find_run(conf: Config, benchmarks: Benchmarks, machine: str, commit: str | None) -> Run:
    """Return a machine's run of a commit (a prefix of its hash), or its newest one.

    Raises
    ------
    StoreError
        There is no such run.
    """
    machine_facts(conf, machine)
    found = runs(conf, benchmarks, machine)
    matching = [run for run in found if commit is None or run.commit.startswith(commit)]
    if not matching:
        others = [run for run in all_runs(conf, benchmarks, machine) if run.settings]
        if others and not found:
            raise StoreError(
                f"{machine} has results under other settings only; "
                f"`{written(others[-1].settings)}` shows the newest"
            )
        measured = ", ".join(dict.fromkeys(run.commit[:8] for run in found)) or "none"
        raise NotThereError(f"{machine} has no results of commit {commit!r} (has: {measured})")
    return matching[-1]
