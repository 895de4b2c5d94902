"""A survey as a table."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fftconv.models.survey import Row, Survey

_WIDTH = 160
#: Layers that take so much more than the whole model were measured on another machine, so to say.
_BELIEVED_SHARE = 1.2


def text(survey: Survey) -> str:
    """Return the rows as a table, then one sentence for what they add up to."""
    from rich.console import Console

    written = io.StringIO()
    console = Console(file=written, width=_WIDTH, force_terminal=False)
    console.print(_table(survey))
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    return "\n".join([*lines, *_sums(survey), *_left_out(survey.rows)])


def _table(survey: Survey) -> object:
    from rich.markup import escape
    from rich.table import Table

    methods = list(dict.fromkeys(m for row in survey.rows for m in row.seconds))
    what = " and ".join(survey.directions)
    threads = f"{survey.threads} thread{'s' if survey.threads > 1 else ''}"
    table = Table(
        title=f"one call of each layer, {what}, {survey.device}, {threads}", title_justify="left"
    )
    table.add_column("layer", overflow="fold")
    for heading in ("calls", "input", "weight", *methods):
        table.add_column(heading, justify="right")
    table.add_column("best")
    table.add_column("saves", justify="right")
    for row in survey.rows:
        times = row.seconds
        table.add_row(
            escape(row.name) or "(the model)",
            str(row.calls),
            _sizes(row.input_shape),
            _sizes(row.weight_shape),
            *(duration(times[m]) if m in times else "-" for m in methods),
            row.best,
            duration(row.saved_s) if row.best != row.now else "",
        )
    return table


def _sums(survey: Survey) -> Iterable[str]:
    seconds = {"forward": survey.model_forward_s, "backward": survey.model_backward_s}
    model = " and ".join(f"{duration(seconds[d])} {d}" for d in survey.directions)
    yield f"The model takes {model}; these layers, as they are, {survey.share:.0%} of it."
    saved, rest = survey.saved_s, survey.model_s - survey.saved_s
    if survey.share > _BELIEVED_SHARE:
        yield (
            "They cannot take more than all of it: the machine was busy, or layers this small find "
            "colder caches alone than in the model. No saving is claimed."
        )
    elif saved <= 0:
        yield "Converting would save nothing."
    elif rest <= 0:
        yield f"Converting would save {duration(saved)}."
    else:
        yield (
            f"Converting each to its best would save {duration(saved)} "
            f"({survey.model_s / rest:.2f} times as fast)."
        )


def _left_out(rows: Iterable[Row]) -> Iterable[str]:
    """Name each method that is missing somewhere, with the first reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for method, reason in row.left_out.items():
            reasons.setdefault(method, []).append(f"{row.name or 'the model'}: {reason}")
    for method, of in reasons.items():
        more = f" (and {len(of) - 1} more)" if len(of) > 1 else ""
        yield f"not {method} in {of[0]}{more}"


def duration(seconds: float) -> str:
    """Write seconds with three digits.

    Examples
    --------
    >>> duration(0.0123456)
    '12.3 ms'
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if abs(seconds) >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
