"""Put what asv has saved on a host into the results here, as asv itself adds to a file."""

import datetime
from collections.abc import Collection
from pathlib import Path
from typing import Any

from asv.benchmarks import Benchmarks
from asv.results import Results
from asv.results import get_filename as asv_filename
from asv.runner import BenchmarkResult
from asv.util import UserError

from convbench.asv.atomic_json import make_asv_atomic
from convbench.results.parameters import param_values
from convbench.results.reasons import CellKey, read_reasons, reasons_file, write_reasons
from convbench.results.store import StoreError
from convbench.sweep.hosts import Kind, enter

_OTHER_FILES = ("machine.json", "benchmarks.json")


def merge(
    made: Path, results_dir: Path, one: Kind, cells: Collection[CellKey], benchmarks: Benchmarks
) -> list[Path]:
    """Add the `cells` that a host has measured to its machine's results; return their files.

    Parameters
    ----------
    made
        A folder of results that asv has written on the host, under whatever name.
    results_dir
        asv's folder of results here.
    one
        The kind of host.
    cells
        What was to be measured; asv enters n/a for all others.
    benchmarks
        What there is to measure.

    Raises
    ------
    StoreError
        asv cannot read a file.
    """
    make_asv_atomic()
    enter(one, results_dir)
    merged = []
    for path in sorted(made.glob("*/*.json")):
        if path.name in _OTHER_FILES:
            continue
        try:
            merged.append(_merge(path, results_dir, one, cells, benchmarks))
        except UserError as error:
            raise StoreError(str(error)) from error
    return merged


def _merge(
    path: Path, results_dir: Path, one: Kind, cells: Collection[CellKey], benchmarks: Benchmarks
) -> Path:
    added = Results.load(str(path))
    params = {**added.params, **one.facts}
    whole = Results(
        params,
        added._requirements,
        added.commit_hash,
        added.date,
        added._python,
        added.env_name,
        added.env_vars,
    )
    whole.load_data(str(results_dir))
    for name in sorted(added.get_result_keys(benchmarks)):
        _add(whole, added, benchmarks[name], cells)
    target = Path(results_dir, asv_filename(one.machine, added.commit_hash, added.env_name))
    before = read_reasons(reasons_file(target))
    kept = {cell: reason for cell, reason in before.items() if cell not in cells}
    said = read_reasons(reasons_file(path))
    whole._duration.update({k: v for k, v in added.duration.items() if k.startswith("<")})
    whole.save(str(results_dir))
    write_reasons(
        reasons_file(target), kept | {cell: r for cell, r in said.items() if cell in cells}
    )
    return target


def _add(
    whole: Results, added: Results, benchmark: dict[str, Any], cells: Collection[CellKey]
) -> None:
    name, params = benchmark["name"], benchmark["params"]
    selected = {
        index
        for index, values in enumerate(param_values(benchmark))
        if (name, tuple(values.values())) in cells
    }
    if not selected:
        return
    values = added.get_result_value(name, params)
    stats = added.get_result_stats(name, params)
    samples = added.get_result_samples(name, params)
    # asv makes the statistics anew from the samples, and a value without samples stays as it is.
    numbers = [
        stat.get("number") if stat and sample and index in selected else None
        for index, (stat, sample) in enumerate(zip(stats, samples, strict=True))
    ]
    whole.add_result(
        benchmark,
        BenchmarkResult(values, samples, numbers, 0, "", None),
        started_at=_moment(added.started_at[name]),
        duration=added.duration.get(name),
        record_samples=True,
        selected_idx=selected,
    )


def _moment(js_timestamp: int | None) -> datetime.datetime | None:
    if js_timestamp is None:
        return None
    return datetime.datetime.fromtimestamp(js_timestamp / 1000, datetime.timezone.utc)
