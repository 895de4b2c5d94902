"""Layers as networks have them, by every method: seconds forward and backward.

``asv run --bench layers`` runs it under asv, ``python -m benchmarks.layers`` under pyperf.
"""

from collections.abc import Callable
from functools import partial

import torch

import fftconv
from benchmarks import layer_cases, operands
from benchmarks.cases import DIRECTIONS, Direction
from benchmarks.layer_cases import LayerCase
from benchmarks.pyperf_main import Task, main
from benchmarks.sampling import Sampled


def skip_reason(case: LayerCase, direction: Direction) -> str | None:
    """Say in a sentence why a cell is not measured, or return None if it is."""
    return operands.missing_method(case.method) or case.skip_reason(direction)


def measured_call(case: LayerCase, direction: Direction) -> Callable[[], object]:
    """Return the call that the cell measures; raise NotImplementedError if it is skipped."""
    reason = skip_reason(case, direction)
    if reason is not None:
        raise NotImplementedError(reason)
    sizes, k = case.layer, case.filter_size
    layer = fftconv.Conv2d(
        sizes.in_channels,
        sizes.out_channels,
        k,
        padding=k // 2,
        groups=sizes.groups,
        method=case.method,
    )
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(operands.seeded(tuple(parameter.shape), torch.float32))
    x = operands.seeded((sizes.batch, sizes.in_channels, sizes.size, sizes.size), torch.float32)
    if direction == "forward":
        layer.requires_grad_(False)
        return lambda: layer(x)
    y = layer(x.requires_grad_())
    g = operands.seeded(tuple(y.shape), torch.float32)
    wanted = (x, *layer.parameters())
    return lambda: torch.autograd.grad(y, wanted, g, retain_graph=True)


class _Layers(Sampled):
    params = (
        list(layer_cases.METHODS),
        list(layer_cases.LAYERS),
        list(layer_cases.FILTER_SIZES),
    )
    param_names = ("method", "layer", "filter")
    direction: Direction

    def setup(self, method: str, layer: str, filter_size: int) -> None:
        """Make the cell's operands, or skip the cell."""
        case = LayerCase(method, layer, filter_size)
        self.prepare(case, partial(measured_call, case, self.direction))


class Forward(_Layers):
    """Seconds of the output, with nothing recorded for gradients."""

    direction = "forward"

    def time_forward(self, *_: object) -> None:
        """One call of the layer."""
        self.sample()


class Backward(_Layers):
    """Seconds of the gradients of input, weight and bias together, without the output."""

    direction = "backward"

    def time_backward(self, *_: object) -> None:
        """One call of the three gradients."""
        self.sample()


def tasks() -> list[Task]:
    """Return every cell of this module, named as pyperf reports it."""
    return [
        Task(
            f"{direction}-{case.method}-{case.layer_name.replace(' ', '_')}-{case.filter_size}",
            partial(measured_call, case, direction),
            skip_reason(case, direction),
        )
        for direction in DIRECTIONS
        for case in layer_cases.grid()
    ]


if __name__ == "__main__":
    main("benchmarks.layers", tasks())
