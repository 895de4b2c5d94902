"""The convolutions of whole networks side by side: `auto` and native."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks import network_cases, networks
from benchmarks.network_cases import BATCHES, METHODS, NetworkCase
from benchmarks.networks import Step
from benchmarks.study import Row, side_by_side


def against_native(training: bool) -> Iterator[Row]:
    """Compare `auto` with native, forward or a step of training with weights that change."""
    for name in network_cases.NETWORKS:
        for batch in BATCHES:
            steps = networks.layers_of(NetworkCase("native", name, batch), training=training)
            calls = {m: _call(networks.by_method(steps, m), training) for m in METHODS}
            seconds = side_by_side(calls, rounds=6, long_rounds=6)
            yield {
                "cell": f"{name}, batch {batch}",
                "network": name,
                "auto_s": seconds["auto"],
                "ratio": seconds["native"] / seconds["auto"],
                "seconds": seconds,
            }


def _call(steps: list[Step], training: bool) -> Callable[[], object]:
    if not training:
        return partial(networks.forward, steps)
    weights = [weight for layer, *_ in steps for weight in layer.parameters()]
    return partial(_step, steps, weights)


def _step(steps: list[Step], weights: list[Tensor]) -> None:
    with torch.no_grad():
        for weight in weights:
            weight.mul_(-1)
    networks.train(steps)
