"""A few steps of training; as a script under torchrun, in as many processes as it starts."""

import os
import sys

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

import fftconv


def model() -> torch.nn.Module:
    torch.manual_seed(7)
    return torch.nn.Sequential(
        fftconv.Conv2d(2, 4, 3, padding="same", method="fft"),
        torch.nn.Tanh(),
        fftconv.Conv2d(4, 2, 3, method="direct"),
        torch.nn.Tanh(),
        fftconv.Conv2d(2, 1, 1, method="auto"),
    ).double()


def train(layers: torch.nn.Module, part: slice) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(8)
    x = torch.randn(8, 2, 10, 10, generator=generator, dtype=torch.float64)
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        optimizer.zero_grad()
        layers(x[part]).square().mean().backward()
        optimizer.step()
    return {name.removeprefix("module."): t for name, t in layers.state_dict().items()}


def main(path: str) -> None:
    layers = model()
    start = {name: t.clone() for name, t in layers.state_dict().items()}
    if "RANK" not in os.environ:  # not started by torchrun
        torch.save((start, train(layers, slice(None))), path)
        return
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    end = train(DistributedDataParallel(layers), slice(rank, None, size))
    if rank == 0:
        torch.save((start, end), path)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
