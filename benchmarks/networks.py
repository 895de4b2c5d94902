"""The convolutions of whole networks, native beside `auto`: seconds forward and of a step.

A step is the output and the gradients of input, weight and bias of each layer, with weights that
are being learned; the image itself needs no gradient. Each layer has an input of its own making,
so that layers are the same whatever lies between them.

``asv run --bench networks`` runs it under asv, ``python -m benchmarks.networks`` under pyperf.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

import fftconv
from benchmarks import network_cases, operands
from benchmarks.cases import DIRECTIONS, Direction
from benchmarks.network_cases import Conv, NetworkCase
from benchmarks.pyperf_main import Task, main
from benchmarks.sampling import Sampled

Step = tuple[Any, Tensor, Tensor | None]
"""A layer, its input, and the gradient of its output."""


def skip_reason(case: NetworkCase, direction: Direction) -> str | None:
    """Say in a sentence why a cell is not measured, or return None if it is."""
    return operands.missing_method(case.method) or case.skip_reason(direction)


def measured_call(case: NetworkCase, direction: Direction) -> Callable[[], object]:
    """Return the call that the cell measures; raise NotImplementedError if it is skipped."""
    reason = skip_reason(case, direction)
    if reason is not None:
        raise NotImplementedError(reason)
    training = direction == "backward"
    steps = layers_of(case, training=training)
    return partial(train, steps) if training else partial(forward, steps)


def layers_of(case: NetworkCase, *, training: bool) -> list[Step]:
    """Return the layers of a network, each with a weight of its own."""
    tensors: dict[tuple[int, ...], Tensor] = {}

    def tensor(*shape: int) -> Tensor:
        if shape not in tensors:
            tensors[shape] = operands.seeded(shape, torch.float32)
        return tensors[shape]

    steps: list[Step] = []
    for conv in case.convs:
        x = tensor(case.batch, conv.in_channels, conv.size, conv.size)
        for _ in range(conv.count):
            layer = _layer(conv, case.method).requires_grad_(training)
            g = None
            if training:
                with torch.no_grad():
                    g = tensor(*layer(x).shape)
                # The image is what nothing is learned of.
                x = x.detach().requires_grad_(len(steps) > 0)
            steps.append((layer, x, g))
    return steps


def by_method(steps: list[Step], method: str) -> list[Step]:
    """Return the same layers by another method: inputs, weights and gradients are the same tensors.

    Of two sets of tensors the one that was made second lies elsewhere in memory, and took 3% longer
    by the same method.
    """
    return [(_by_method(layer, method), x, g) for layer, x, g in steps]


def _by_method(layer: fftconv.Conv2d, method: str) -> fftconv.Conv2d:
    twin = copy.copy(layer)
    twin.method = method
    return twin


def _layer(conv: Conv, method: str) -> fftconv.Conv2d:
    return fftconv.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel, conv.stride, conv.padding,
        groups=conv.groups, method=method,
    )  # fmt: skip


def forward(steps: list[Step]) -> None:
    """Call each layer with its input."""
    for layer, x, _ in steps:
        layer(x)


def train(steps: list[Step]) -> None:
    """Call each layer, and have its gradients computed."""
    for layer, x, g in steps:
        wanted = [t for t in (x, *layer.parameters()) if t.requires_grad]
        torch.autograd.grad(layer(x), wanted, g)


class _Networks(Sampled):
    params = (
        list(network_cases.METHODS),
        list(network_cases.NETWORKS),
        list(network_cases.BATCHES),
    )
    param_names = ("method", "network", "batch")
    timeout = 900.0
    direction: Direction

    def setup(self, method: str, network: str, batch: int) -> None:
        """Make the cell's layers, or skip the cell."""
        case = NetworkCase(method, network, batch)
        self.prepare(case, partial(measured_call, case, self.direction))


class Forward(_Networks):
    """Seconds of all convolutions of a network, with nothing recorded for gradients."""

    direction = "forward"

    def time_forward(self, *_: object) -> None:
        """One pass."""
        self.sample()


class Training(_Networks):
    """Seconds of all convolutions of a network and of their gradients."""

    direction = "backward"

    def time_step(self, *_: object) -> None:
        """One step."""
        self.sample()


def tasks() -> list[Task]:
    """Return every cell of this module, named as pyperf reports it."""
    return [
        Task(
            f"{direction}-{case.method}-{case.network}-{case.batch}",
            partial(measured_call, case, direction),
            skip_reason(case, direction),
        )
        for direction in DIRECTIONS
        for case in network_cases.grid()
    ]


if __name__ == "__main__":
    main("benchmarks.networks", tasks())
