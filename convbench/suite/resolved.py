"""Which method `auto` takes in a cell of this suite."""

import ast
import re
from typing import Any

_AUTO = re.compile(r"^conv2d\.(?P<owner>\w+)\.\w+\((?P<params>'auto', .*)\)$")


def cell_of_method(cell: str) -> str | None:
    """Return the cell of the method that `auto` takes in `cell`, as asv writes both.

    None where the cell is no such cell of the grid, or where the two gradients are taken by
    different methods, so that no other cell does the same.
    """
    found = _AUTO.match(cell)
    if found is None:
        return None
    _, *values = ast.literal_eval(f"({found['params']})")
    threads, size, taps = _sizes(values)
    method = _method(
        size, taps, threads, backward="backward" in cell.lower(), wide="Float64" in found["owner"]
    )
    return None if method is None else cell.replace("'auto'", repr(method), 1)


def _sizes(values: list[Any]) -> tuple[object, int, int]:
    if len(values) == 1:
        size, taps = (int(number) for number in values[0].split("/"))
        return "all", size, taps
    threads, size, taps = values
    return threads, size, taps


def _method(size: int, taps: int, threads: object, *, backward: bool, wide: bool) -> str | None:
    import torch

    import fftconv

    before = torch.get_num_threads()
    torch.set_num_threads(before if threads == "all" else int(str(threads)))
    try:
        planned = fftconv.plan(
            (1, 1, size, size),
            (1, 1, taps, taps),
            dtype=torch.float64 if wide else torch.float32,
            needs_grad=backward,
        )
    finally:
        torch.set_num_threads(before)
    if not backward:
        return planned.method
    gradients = {method for name, method in planned.chosen.items() if name != "forward"}
    return gradients.pop() if len(gradients) == 1 else None
