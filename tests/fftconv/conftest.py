"""Every test starts from the same random numbers, on one thread: the tensors are small."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def reproducible() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
