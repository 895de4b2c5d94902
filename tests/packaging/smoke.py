"""What an installed package has to do: run by `make package`, from a folder without the sources."""

import sys
from importlib import metadata, resources
from pathlib import Path

import torch

import fftconv


def main(pyproject: Path) -> None:
    """Try each method against torch, and look for the files that are no modules."""
    declared = next(
        line.split('"')[1]
        for line in pyproject.read_text(encoding="utf-8").splitlines()
        if line.startswith("version = ")
    )
    assert metadata.version("fftconv") == declared
    assert Path(fftconv.__file__).parents[1] != pyproject.parent, "these are the sources"
    for module, file in (("fftconv", "py.typed"), ("fftconv.calibration", "shipped/amd-avx2.json")):
        assert resources.files(module).joinpath(file).is_file(), file

    image, weight = torch.rand(2, 3, 40, 40), torch.rand(4, 3, 7, 7, requires_grad=True)
    expected = torch.nn.functional.conv2d(image, weight)
    for name, method in fftconv.methods().items():
        assert method.unavailable is None, method
        result = fftconv.conv2d(image, weight, method=name)
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-3)
        (gradient,) = torch.autograd.grad(result.sum(), weight)
        assert gradient.shape == weight.shape
        print(f"{name}: as torch")
    print(fftconv.plan(image.shape, weight.shape, needs_grad=True))
    print(f"fftconv {declared}, torch {torch.__version__}, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
