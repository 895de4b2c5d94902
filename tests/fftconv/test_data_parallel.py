"""Two processes with half of the batch each train to the weights of one process with all of it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

SCRIPT = Path(__file__).with_name("torch_training.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def weights(
    path: Path, launcher: Sequence[str] = ()
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Run the training and return the weights before and after."""
    finished = subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), str(path)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    start, end = torch.load(path)
    return start, end


@pytest.mark.slow
@pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="this torch was built without gloo",
)
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    start, single = weights(tmp_path / "single.pt")
    _, parallel = weights(tmp_path / "parallel.pt", TORCHRUN)
    assert parallel.keys() == single.keys()
    for name, trained in single.items():
        torch.testing.assert_close(parallel[name], trained)
        assert not torch.equal(trained, start[name])
