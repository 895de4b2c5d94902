"""The study's result as a table: for the terminal, and as Markdown."""

from rich.table import Table

from convbench.power.rates import Rates
from convbench.stats.rates import CONFIDENCE, Rate

REPLAYED = "gate, replayed"


def _percent(share: float) -> str:
    """Return a share to a tenth of a percent where that matters: near none and near all."""
    percent = 100 * share
    return f"{percent:.0f}" if 1 <= percent <= 99 or percent in (0, 100) else f"{percent:.1f}"


def _cell(rate: Rate | None) -> tuple[str, str]:
    """Return how many trials found it, and the interval of that share."""
    if rate is None:
        return "-", ""
    left_open = f" ({rate.inconclusive} open)" if rate.inconclusive else ""
    low, high = map(_percent, rate.interval)
    return f"{rate.found}/{rate.trials}{left_open}", f"{low} to {high}%"


def _lines(rates: Rates, joint: str) -> list[list[str]]:
    """Return the table: its head, then a line a way of asking."""
    shares = sorted({share for of_way in rates.values() for share in of_way})
    head = ["injected", *(f"+{100 * share:.3g}%" if share else "0" for share in shares)]
    found = [[*head, "time"]]
    for way, of_way in rates.items():
        cells = [joint.join(filter(None, _cell(of_way.get(share)))) for share in shares]
        times = sorted(rate.median_s for rate in of_way.values() if rate.median_s is not None)
        took = f"{times[len(times) // 2]:.0f} s" if times else "-"
        found.append([way.replace(", ", f",{joint[-1]}"), *cells, took])
    return found


def caption(cell: str, budget_s: float, settings: str = "") -> str:
    """Say what the numbers are."""
    under = f" All trials ran under {settings}." if settings else ""
    return (
        f"Trials that called {cell} slower, of all trials, by the slowdown that was injected (at 0 "
        f"they are false alarms), with Wilson's {CONFIDENCE:.0%} interval. Budget "
        f"{budget_s:.0f} s a trial; time: the median of what they took; open: trials that said "
        f"neither. Replayed: the gate's procedure on resamples of the pairs that its live trials "
        f"recorded.{under}"
    )


def table(rates: Rates) -> Table:
    """Return the table for the terminal."""
    head, *rows = _lines(rates, "\n")
    made = Table(show_lines=True)
    for index, name in enumerate(head):
        made.add_column(name, justify="right" if index else "left", no_wrap=not index)
    for row in rows:
        made.add_row(*row)
    return made


def markdown(rates: Rates) -> str:
    """Return the table as Markdown."""
    head, *rows = _lines(rates, ", ")
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows)) + "\n"
