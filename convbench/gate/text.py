"""The verdicts for the terminal, and as Markdown for a pull request."""

import math

from rich.console import Console
from rich.table import Table

from convbench.gate.campaign import Row
from convbench.gate.report import Report
from convbench.instructions import comparison as instructions
from convbench.results.quantities import format_seconds
from convbench.stats.judging import Verdict

_COLUMNS = ("cell", "BASE", "HEAD / BASE", "interval", "pairs", "verdict")
_STYLES = {
    Verdict.SLOWDOWN: "bold red",
    Verdict.SPEEDUP: "green",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.FAILED: "bold red",
}


def _ratio(log_ratio: float) -> str:
    return f"{math.exp(log_ratio):.3f}" if math.isfinite(log_ratio) else "?"


def _columns(row: Row) -> list[str]:
    """Return what a table says of a row, as `_COLUMNS` names it."""
    verdict = "not decided" if row.verdict is None else row.verdict.value
    if row.note:
        verdict = f"{verdict}: {row.note}"
    seconds = [s for blocks in row.blocks for s in blocks.base_s]
    base = format_seconds(sorted(seconds)[len(seconds) // 2]) if seconds else "-"
    if row.judgement is None:
        return [str(row.cell), base, "-", "-", str(len(row.blocks)), verdict]
    found = row.judgement.interval
    interval = f"{_ratio(found.low)} to {_ratio(found.high)}"
    pairs = str(row.judgement.pairs)
    return [str(row.cell), base, _ratio(found.estimate), interval, pairs, verdict]


def _names(report: Report) -> tuple[str, str]:
    return str(report.base), str(report.head)


def _title(report: Report) -> str:
    return f"HEAD is {report.head}, BASE is {report.base}: {report.headline}"


def print_report(report: Report, console: Console) -> None:
    """Print the verdicts, then the conditions."""
    table = Table()
    for name in _COLUMNS:
        left = name in ("cell", "verdict")
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    for row in report.campaign.rows:
        style = _STYLES.get(row.verdict) if row.verdict else None
        table.add_row(*_columns(row), style=style)
    console.print(_title(report), style="bold", markup=False, highlight=False, soft_wrap=True)
    console.print(table)
    console.print(report.conditions, markup=False, highlight=False, soft_wrap=True)
    if report.instructions:
        instructions.print_table(report.instructions, _names(report), console)


def markdown(report: Report) -> str:
    """Return the verdicts as a comment of a pull request."""

    def line(cells: list[str]) -> str:
        escaped = [cell.replace("|", "\\|") for cell in cells]
        return f"| {' | '.join(escaped)} |"

    rows = [["`" + _columns(row)[0] + "`", *_columns(row)[1:]] for row in report.campaign.rows]
    warnings = [f"- warning: {warning}" for warning in report.warnings]
    counted = report.instructions and instructions.markdown(report.instructions, _names(report))
    return "\n".join(
        [
            f"### {_title(report)}",
            "",
            line(list(_COLUMNS)),
            line(["---", *["---:"] * (len(_COLUMNS) - 2), "---"]),
            *map(line, rows),
            "",
            report.conditions,
            *(["", counted] if counted else []),
            *(["", *warnings] if warnings else []),
            "",
        ]
    )
