"""Layers of other people: the tutorial's, and such as a test writes into a package of its own."""

import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from convbench.layer import conversion, timing
from convbench.layer.checks import threads
from convbench.layer.checks.context import Context, is_random
from convbench.layer.checks.registry import CHECKS
from convbench.layer.directions import training_step
from convbench.layer.examining import examine
from convbench.layer.finding import Finding
from convbench.layer.legacy import legacy_functions
from convbench.layer.loading import load
from convbench.layer.preserving import preserved
from convbench.layer.report import Report
from convbench.layer.subject import Subject
from convbench.layer.watching import watch

ROOT = Path(__file__).parents[3]
_numbers = itertools.count()

CORRECT = """
    import torch
    from torch.autograd import Function

    class ScaledSquare(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, weight):
            return x * x * weight

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad_output):
            x, weight = ctx.saved_tensors
            return 2 * grad_output * x * weight, grad_output * x * x

    class Layer(torch.nn.Module):
        def __init__(self, width=6):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(width))

        def forward(self, image):
            return ScaledSquare.apply(image, self.weight.expand_as(image))
"""


def _hurry(patch: pytest.MonkeyPatch) -> None:
    """Take few samples: no test is about how long anything takes."""
    patch.setattr(timing, "_BUDGET_S", 0.01)
    patch.setattr(conversion, "_BUDGET_S", 0.01)
    patch.setattr(threads, "_BUDGET_S", 0.3)


@pytest.fixture(autouse=True)
def hurried(monkeypatch) -> None:
    _hurry(monkeypatch)


@pytest.fixture
def written(tmp_path, monkeypatch) -> Iterator[Callable[[str], ModuleType]]:
    """Give a function that writes a module, in a package of its own, and imports it."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def write(code: str) -> ModuleType:
        package = f"somebodys{next(_numbers)}"
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "layers.py").write_text(textwrap.dedent(code))
        made.extend([package, f"{package}.layers"])
        importlib.invalidate_caches()
        return importlib.import_module(f"{package}.layers")

    yield write
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def asked(written) -> Callable[..., Finding]:
    """Give a function that makes one check of a layer that a test writes."""
    checks = {check.name: check for check in CHECKS}

    def ask(check: str, code: str, *shapes: tuple[int, ...], dtype=torch.float32) -> Finding:
        module = written(code)
        layer = load(f"{module.__name__}:layer", len(shapes) or 1)
        subject = Subject("layer", layer, shapes or ((4, 6),), dtype)
        with preserved(), legacy_functions():

            def step() -> None:
                try:
                    training_step(subject)()
                except Exception as error:  # what raises has been seen, too
                    print(error)

            return checks[check].find(Context(subject, tuple(watch(step)), is_random(subject)))

    return ask


def _report(layer: str, reference: str, shape: tuple[int, ...]) -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.syspath_prepend(ROOT)
        both = [(name, load(name, 1)) for name in (layer, reference)]
        _hurry(patch)
        return examine(both[0], [shape], reference=both[1])


@pytest.fixture(scope="session")
def scipy_report() -> Report:
    """Examine the tutorial's layer by scipy, as written."""
    layer = "examples.tutorial_layers:ScipyConv2d(3, 3)"
    return _report(layer, "fftconv:NativeConv2d(3, 3)", (10, 12))


@pytest.fixture(scope="session")
def fft_report() -> Report:
    """Examine the tutorial's layer by numpy's FFT, as written."""
    return _report("examples.tutorial_layers:incorrect_fft", "fftconv:fft_magnitude", (8, 8))
