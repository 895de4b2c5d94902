"""What the gate leaves for other programs: its verdicts, and both sides as pyperf writes them."""

import json
import math
from pathlib import Path
from typing import Any

from convbench.files.atomic import replacing
from convbench.files.destination import destination
from convbench.gate.campaign import Campaign, Row
from convbench.gate.install import SIDES
from convbench.gate.outcome import exit_status
from convbench.gate.report import Report
from convbench.suite.conditions import in_force, written

VERSION = 1


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _cell(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cell": str(row.cell),
        "verdict": row.verdict.value if row.verdict else "open",
        "note": row.note,
        "calls_per_block": row.calls,
        "pair_log_ratios": [blocks.log_ratio for blocks in row.blocks],
    }
    if row.judgement is not None:
        interval = row.judgement.interval
        found |= {
            "ratio": row.judgement.ratio,
            "low": math.exp(interval.low),
            "high": _finite(math.exp(interval.high)),
            "level": interval.level,
            "pairs_judged": row.judgement.pairs,
        }
    return found


def verdicts(report: Report) -> dict[str, Any]:
    """Return everything as JSON knows it. ratio = HEAD / BASE, above 1 is slower."""
    campaign = report.campaign
    return {
        "version": VERSION,
        "base": report.base.commit,
        "head": report.head.commit,
        "exit_status": None if campaign.interrupted else exit_status(campaign),
        "interrupted": campaign.interrupted,
        "threshold": campaign.rules.threshold,
        "alarm": campaign.rules.alarm,
        "budget_s": campaign.budget_s,
        "elapsed_s": campaign.elapsed_s,
        "seed": campaign.seed,
        "pair_s": campaign.pair_s,
        "settings": in_force(),
        "warnings": report.warnings,
        "cells": [_cell(row) for row in campaign.rows],
    }


def _suite(campaign: Campaign, side: int) -> Any:
    """Return one side as pyperf's suite: a benchmark a cell, a run a process."""
    import pyperf

    benchmarks = []
    for row in campaign.rows:
        metadata = {"name": str(row.cell), "unit": "second", "loops": row.calls}
        if settings := in_force():
            metadata["settings"] = written(settings)
        values = [(blocks.base_s, blocks.head_s)[side] for blocks in row.blocks]
        runs = [
            pyperf.Run(seconds, metadata=metadata, collect_metadata=False) for seconds in values
        ]
        if runs:
            benchmarks.append(pyperf.Benchmark(runs))
    return pyperf.BenchmarkSuite(benchmarks) if benchmarks else None


def pyperf_files(path: Path) -> tuple[Path, ...]:
    """Return where BASE's and HEAD's samples are, for verdicts at `path`: gate.base.json.

    Verdicts that go to a pipe or a device have no files beside them.
    """
    if destination(path).special:
        return ()
    return tuple(path.with_name(f"{path.stem}.{side}{path.suffix}") for side in SIDES)


def write(report: Report, path: Path) -> None:
    """Write the verdicts to `path`, and beside a file a pyperf file for each side, each whole."""
    for side, target in enumerate(pyperf_files(path)):
        suite = _suite(report.campaign, side)
        if suite is None:
            if not destination(target).special:
                target.unlink(missing_ok=True)  # of an earlier run, and not of these verdicts
            continue
        # pyperf packs what it writes to a name that ends so, and asks for it where it reads.
        with replacing(target, suffix=".gz" if target.suffix == ".gz" else "") as temporary:
            suite.dump(str(temporary), replace=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(verdicts(report), indent=1) + "\n", encoding="utf-8")
