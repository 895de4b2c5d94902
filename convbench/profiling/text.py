"""A profile, or the difference of two, for the terminal."""

from rich.table import Table

from benchmarks.freed_memory import FOR_ANY_PROCESS
from convbench.profiling.phases import Phase
from convbench.profiling.runner import Profile
from convbench.results.quantities import format_bytes, format_count, format_seconds

_FEW_PAGES = 32


def heading(profile: Profile) -> str:
    """Say in a few lines what was profiled and what came out."""
    conditions = "; ".join(f"{name} {value}" for name, value in profile.conditions)
    limit = profile.limit
    return (
        f"{profile.spec.title}\n{conditions}\n"
        f"median {format_seconds(profile.median_s)} of {len(profile.times_s)} calls, "
        f"fastest {format_seconds(min(profile.times_s))}, "
        f"first {format_seconds(profile.first_call_s)}; "
        f"limit {format_seconds(limit.seconds)} ({limit.limited_by}), "
        f"{profile.fraction:.1%} of it reached; "
        f"peak memory of a call {format_bytes(profile.memory.peak_bytes)}"
        f"\nnew memory: {new_memory(profile)}"
    )


def new_memory(profile: Profile) -> str:
    """Say how much memory a call takes from the kernel anew, and what the call takes without.

    A few pages are anybody's: what the interpreter and the libraries do once in a while.
    """
    pages = profile.new_pages
    if profile.kept_s is None or pages < _FEW_PAGES:
        return f"{pages} pages a call"
    return (
        f"{pages:,} pages a call; {format_seconds(profile.kept_s)} where the process keeps what "
        f"it frees ({FOR_ANY_PROCESS})"
    )


def _work(phase: Phase) -> tuple[str, str, str]:
    fraction = phase.fraction
    return (
        format_count(phase.flops, "FLOP") if phase.flops else "-",
        format_bytes(phase.bytes) if phase.bytes else "-",
        f"{fraction:.1%}" if fraction is not None else "-",
    )


def phase_table(profile: Profile) -> Table:
    """Return where the time of the traced call went."""
    title = f"phases of the median traced call, {format_seconds(profile.traced_s)}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("phase", "time", "share", "operations", "bytes", "of the limit"):
        table.add_column(name, justify="left" if name == "phase" else "right")
    for phase in profile.phases:
        if phase.events:
            share = f"{phase.time_s / profile.traced_s:.1%}"
            table.add_row(phase.name, format_seconds(phase.time_s), share, *_work(phase))
    return table


def difference_table(baseline: Profile, contender: Profile) -> Table:
    """Return both profiles phase by phase; ratio = contender / baseline."""
    table = Table(title="difference by phase (traced)", title_justify="left", title_style="bold")
    for name in ("phase", "baseline", "contender", "difference", "ratio"):
        table.add_column(name, justify="left" if name == "phase" else "right")
    for row in difference_rows(baseline, contender):
        table.add_row(*row)
    return table


def difference_rows(baseline: Profile, contender: Profile) -> list[tuple[str, str, str, str, str]]:
    """Return phase, baseline, contender, difference and ratio, as both tables write them."""
    rows = []
    for name, before_s, after_s in differences(baseline, contender):
        gap_s = after_s - before_s
        rows.append(
            (
                name,
                format_seconds(before_s) if before_s else "-",
                format_seconds(after_s) if after_s else "-",
                f"{'+' if gap_s > 0 else '-'}{format_seconds(abs(gap_s))}" if gap_s else "0 s",
                f"{after_s / before_s:.3g}" if before_s else "-",
            )
        )
    return rows


def differences(baseline: Profile, contender: Profile) -> list[tuple[str, float, float]]:
    """Return name, baseline's and contender's seconds of each phase; at last of whole calls."""
    pairs = zip(baseline.phases, contender.phases, strict=True)
    found = [(a.name, a.time_s, b.time_s) for a, b in pairs if a.events or b.events]
    found.append(("traced call", baseline.traced_s, contender.traced_s))
    found.append(("median call, not traced", baseline.median_s, contender.median_s))
    # How far this is from the median says how much the machine was disturbed.
    fastest_s = (min(baseline.times_s), min(contender.times_s))
    return [*found, ("fastest call, not traced", *fastest_s)]
