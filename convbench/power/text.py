"""The study's result as a table: for the terminal, and as Markdown."""

from rich.table import Table

from convbench.power.rates import CONFIDENCE, Rate, Rates

REPLAYED = "gate, replayed"


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _cell(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    low, high = rate.interval
    text = f"{_percent(rate.value)} ({100 * low:.1f} to {100 * high:.1f})"
    return f"{text}, {rate.inconclusive} inconclusive" if rate.inconclusive else text


def lines(rates: Rates) -> list[list[str]]:
    """Return the table: its head, then a line a way of asking."""
    shares = sorted({share for of_way in rates.values() for share in of_way})
    head = ["injected", *(f"+{_percent(s)}" if s else "0 (false alarms)" for s in shares)]
    found = [[*head, "trials", "median time"]]
    for way, of_way in rates.items():
        counts = sorted({rate.trials for rate in of_way.values()})
        trials = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        times = [rate.median_s for rate in of_way.values() if rate.median_s is not None]
        took = f"{sorted(times)[len(times) // 2]:.0f} s" if times else "-"
        found.append([way, *(_cell(of_way.get(share)) for share in shares), trials, took])
    return found


def caption(cell: str, budget_s: float) -> str:
    """Say what the numbers are."""
    return (
        f"How often each tool called {cell} slower, by the slowdown that was injected; "
        f"budget {budget_s:.0f} s a trial. In parentheses Wilson's {CONFIDENCE:.0%} interval, in "
        f"percent. Trials are of each slowdown. Replayed: the gate's procedure on resamples of "
        f"the pairs that its live trials recorded."
    )


def table(rates: Rates) -> Table:
    """Return the table for the terminal."""
    head, *rows = lines(rates)
    made = Table()
    for index, name in enumerate(head):
        made.add_column(name, justify="right" if index else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def markdown(rates: Rates) -> str:
    """Return the table as Markdown."""
    head, *rows = lines(rates)
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows)) + "\n"
