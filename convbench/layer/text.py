"""A report of a layer for the terminal."""

from rich.table import Table
from rich.text import Text

from convbench.layer.conversion import MEANING, REGIONS, Split
from convbench.layer.directions import Timing
from convbench.layer.finding import Finding, Outcome
from convbench.layer.report import Report
from convbench.layer.timing import Estimate
from convbench.results.quantities import format_interval, format_seconds

_WIDE = 1.5
"""Of an interval whose upper bound is so many times its lower one, it is said."""
_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.UNSURE: "yellow"}


def heading(report: Report) -> str:
    """Say in a few lines what was looked at, under which conditions."""
    conditions = "; ".join(f"{name} {value}" for name, value in report.conditions)
    place = f"\n{report.place}: {report.place.code}" if report.place is not None else ""
    return f"{report.title}{place}\n{conditions}"


def format_ratio(ratio: Estimate) -> str:
    """Write a ratio with its interval."""
    return f"{ratio.value:.3g} ({ratio.low:.3g} to {ratio.high:.3g})"


def timing_rows(report: Report) -> list[tuple[str, str, str, str]]:
    """Return direction, layer, reference and their ratio, as both tables write them."""
    rows = []
    for timing in report.timings:
        mine, theirs = timing.layer.seconds, None
        if timing.reference is not None:
            theirs = timing.reference.seconds
        rows.append(
            (
                timing.direction,
                format_interval(mine.value, mine.interval),
                format_interval(theirs.value, theirs.interval) if theirs else "-",
                format_ratio(timing.layer.over(timing.reference)) if timing.reference else "-",
            )
        )
    return rows


def _is_wide(timing: Timing) -> bool:
    found = [side.seconds for side in (timing.layer, timing.reference) if side is not None]
    return any(seconds.high > _WIDE * seconds.low for seconds in found)


def timing_table(report: Report) -> Table:
    """Return the times of both directions, beside the reference's."""
    beside = f", beside {report.reference}" if report.reference is not None else ""
    table = _table(f"median time of a call, with its 95% interval{beside}")
    table.add_column("direction")
    table.add_column("layer", justify="right")
    if report.reference is not None:
        table.add_column("reference", justify="right")
        table.add_column("ratio", justify="right")
    for row in timing_rows(report):
        table.add_row(*(row if report.reference is not None else row[:2]))
    return table


def doubt(report: Report) -> str | None:
    """Say that times are not to be relied on, where they are not."""
    if any(_is_wide(timing) for timing in report.timings):
        return "the machine was busy: where an interval is wide, ask again later"
    return None


def split_title(split: Split) -> str:
    """Name what the table of regions divides."""
    return f"where a profiled call goes, forward and backward: {format_seconds(split.total_s)}"


def split_table(split: Split) -> Table:
    """Return how the time of a call divides, conversions line by line."""
    table = _table(split_title(split))
    for name in ("part", "time", "share", "what it is"):
        table.add_column(name, justify="right" if name in ("time", "share") else "left")
    for region in REGIONS:
        seconds = split.seconds[region]
        share = f"{split.share(region):.1%}"
        table.add_row(region, format_seconds(seconds), share, Text(MEANING[region]))
        if region == "conversion":
            for place, name, count, taken_s in split.costly():
                where = f"{place}: " if place is not None else ""
                what = f"  {where}{name}" + (f", {count} times" if count > 1 else "")
                part = f"{taken_s / split.total_s:.1%}"
                table.add_row("", format_seconds(taken_s), part, Text(what, style="dim"))
    return table


def verdict(report: Report) -> str:
    """Say how many of the checks failed."""
    made = sum(finding.outcome is not Outcome.NONE for finding in report.findings)
    return f"{report.faults} of {made} checks failed" if report.faults else "no check failed"


def finding_table(report: Report) -> Table:
    """Return what each check found."""
    table = _table(verdict(report))
    table.show_lines = True
    for name in ("check", "outcome", "finding, its line, and how to mend it"):
        table.add_column(name, no_wrap=name in ("check", "outcome"))
    for finding in report.findings:
        outcome = Text(finding.outcome.value, style=_STYLES.get(finding.outcome, "dim"))
        table.add_row(finding.check, outcome, _text(finding))
    return table


def _text(finding: Finding) -> Text:
    # Long names and addresses are folded, not cut.
    text = Text(finding.said, overflow="fold")
    if finding.place is not None:
        text.append(f"\n{finding.place}: {finding.place.code}", style="cyan")
    if finding.mend:
        text.append("\nto mend it: ", style="bold").append(finding.mend)
    return text


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold")
