"""How well numbers come again, as a table."""

import math

from rich.console import Console
from rich.table import Table

from convbench.repeat.pairs import Twice, across_runs, beside_method
from convbench.repeat.samples import Sample
from convbench.results.quantities import format_seconds
from convbench.stats.spread import CLOSE, spread

_WORST_SHOWN = 5


def print_study(samples: list[Sample], console: Console) -> None:
    """Print the shares by family and threads, and name the worst cells."""
    for study in dict.fromkeys((s.machine, s.commit, s.settings) for s in samples):
        machine, commit, settings = study
        chosen = [s for s in samples if (s.machine, s.commit, s.settings) == study]
        runs = {s.run: s.burnt for s in chosen}
        burnt = [number for number, share in runs.items() if share]
        console.print(
            f"{machine} ({chosen[0].processor}), commit {commit[:8]}, {len(runs)} runs"
            + (
                f"; {max(runs.values()):.0%} of a core burnt in run {_listed(burnt)}"
                if burnt
                else ""
            )
            + (f"; {settings}" if settings else ""),
            highlight=False,
            soft_wrap=True,
        )
        # Who declines beside a burner is no matter of the runs without it.
        tried = [s for s in chosen if s.burnt == max(runs.values())]
        _print_pairs("the same cell in two runs", list(across_runs(chosen)), tried, console)
        if left_out := list(across_runs(chosen, of_one_pace=False)):
            found = spread([pair.ratio for pair in left_out])
            console.print(
                f"{found.count} pairs are left out: the machine itself was slower in one of the "
                f"runs ({found.close:.0%} of them are within {CLOSE - 1:.0%}, the worst "
                f"{found.worst:.3f})",
                highlight=False,
                soft_wrap=True,
            )
        _print_pairs(
            "auto beside the method that it takes", list(beside_method(chosen)), [], console
        )


def _listed(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))


def _print_pairs(title: str, pairs: list[Twice], tried: list[Sample], console: Console) -> None:
    if not pairs:
        return
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("benchmark")
    table.add_column("threads", justify="right")
    names = ("pairs", f"within {CLOSE - 1:.0%}", "95th percentile", "worst")
    for name in (*names, *((_declined(tried),) if tried else ())):
        table.add_column(name, justify="right")
    groups = sorted({(p.family, p.threads) for p in pairs}, key=lambda g: (g[1] != "all", g[0]))
    for family, threads in groups:
        own = [p for p in pairs if (p.family, p.threads) == (family, threads)]
        of_group = [s for s in tried if (s.family, s.threads) == (family, threads)]
        table.add_row(family, threads, *_figures(own, of_group))
    table.add_section()
    table.add_row("all", "", *_figures(pairs, tried))
    console.print(table)
    console.print("worst:", highlight=False)
    for pair in sorted(pairs, key=lambda p: p.ratio, reverse=True)[:_WORST_SHOWN]:
        first, second = map(format_seconds, pair.seconds)
        console.print(
            f"  {pair.ratio:.2f}  {pair.cell}: {first} and {second} ({pair.other})",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _declined(tried: list[Sample]) -> str:
    return "declined, burnt" if tried[0].burnt else "declined"


def _figures(pairs: list[Twice], tried: list[Sample]) -> list[str]:
    found = spread([pair.ratio for pair in pairs])
    figures = [str(found.count)]
    figures += [
        "-" if math.isnan(value) else written
        for value, written in (
            (found.close, f"{found.close:.0%}"),
            (found.p95, f"{found.p95:.3f}"),
            (found.worst, f"{found.worst:.3f}"),
        )
    ]
    if tried:
        declined = sum(s.seconds is None for s in tried)
        figures.append(f"{declined / len(tried):.0%}")
    return figures
