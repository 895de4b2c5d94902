"""The study's result as a table: for the terminal, and as Markdown."""

from rich.table import Table

from convbench.power.rates import CONFIDENCE, Rate, Rates

REPLAYED = "gate, replayed"


def _cell(rate: Rate | None) -> tuple[str, str]:
    """Return how many trials found it, and the interval of that share."""
    if rate is None:
        return "-", ""
    low, high = rate.interval
    return f"{rate.found}/{rate.trials}", f"{100 * low:.1f} to {100 * high:.1f}%"


def _lines(rates: Rates, joint: str) -> list[list[str]]:
    """Return the table: its head, then a line a way of asking."""
    shares = sorted({share for of_way in rates.values() for share in of_way})
    head = ["injected", *(f"+{100 * share:.3g}%" if share else "0" for share in shares)]
    found = [[*head, "open", "time"]]
    for way, of_way in rates.items():
        cells = [joint.join(filter(None, _cell(of_way.get(share)))) for share in shares]
        left_open = sum(rate.inconclusive for rate in of_way.values())
        times = sorted(rate.median_s for rate in of_way.values() if rate.median_s is not None)
        took = f"{times[len(times) // 2]:.0f} s" if times else "-"
        found.append([way, *cells, str(left_open), took])
    return found


def caption(cell: str, budget_s: float) -> str:
    """Say what the numbers are."""
    return (
        f"Trials that called {cell} slower, of all trials, by the slowdown that was injected (at 0 "
        f"they are false alarms), with Wilson's {CONFIDENCE:.0%} interval. Budget "
        f"{budget_s:.0f} s a trial; time: the median of what they took. Open: trials that said "
        f"neither. Replayed: the gate's procedure on resamples of the pairs that its live trials "
        f"recorded."
    )


def table(rates: Rates) -> Table:
    """Return the table for the terminal."""
    head, *rows = _lines(rates, "\n")
    made = Table(show_lines=True)
    for index, name in enumerate(head):
        made.add_column(name, justify="right" if index else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def markdown(rates: Rates) -> str:
    """Return the table as Markdown."""
    head, *rows = _lines(rates, ", ")
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows)) + "\n"
