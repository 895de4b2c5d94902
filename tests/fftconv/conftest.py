"""Every test starts from the same random numbers, on one thread: the tensors are small."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import msgspec
import pytest
import torch

from fftconv.calibration import machine
from fftconv.methods import registry

KINDS = sorted(set(machine.SHIPPED.values()))


@pytest.fixture(autouse=True)
def reproducible() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=KINDS)
def kind(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> machine.Machine:
    """Plan by the constants of each kind of processor that ship, on whatever this one is."""
    shipped = resources.files("fftconv.calibration") / "shipped" / request.param
    constants = msgspec.json.decode(shipped.read_bytes(), type=machine.Machine)
    path = tmp_path / "shipped.json"
    machine.save(msgspec.structs.replace(constants, processor=machine.processor()), path)
    monkeypatch.setenv(machine.FILE_VARIABLE, str(path))
    return constants


@pytest.fixture
def registered() -> Iterator[None]:
    """Take methods that a test registers out again."""
    names = set(registry.REGISTRY)
    yield
    for name in set(registry.REGISTRY) - names:
        registry.unregister(name)
