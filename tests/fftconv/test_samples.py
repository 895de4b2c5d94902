"""torch's own sample inputs as the oracle: values and gradients against float64, errors by type.

Each test prints how many samples the method passed; a sample that a method cannot do counts as
skipped with the method's own sentence, and ``native`` and ``auto`` may skip none.
"""

import collections
import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import fftconv

FUNCTIONS = ["conv2d", "conv1d", "conv_transpose2d"]
LAYERS = ["Conv2d", "Conv1d", "ConvTranspose2d"]
OPERATORS = {n: next(op for op in op_db if op.name == f"nn.functional.{n}") for n in FUNCTIONS}
MODULES = {
    n: next(info for info in module_db if info.module_cls is getattr(torch.nn, n)) for n in LAYERS
}
DTYPES = sorted(OPERATORS["conv2d"].supported_dtypes("cpu"), key=str)
METHODS = list(fftconv.methods())

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch's reference warns


def wide(value: object) -> object:
    """Return tensors in the widest dtype of their kind, detached."""
    if not isinstance(value, Tensor):
        return value
    if value.is_complex():
        dtype = torch.complex128
    else:
        dtype = torch.float64 if value.is_floating_point() else value.dtype
    return value.detach().to(dtype).requires_grad_(value.requires_grad)


def assert_accurate(actual: Tensor, expected: Tensor) -> None:
    """Compare with an error that is small beside the largest value."""
    assert actual.shape == expected.shape
    if not (actual.is_floating_point() or actual.is_complex()):
        assert torch.equal(actual, expected)
        return
    scale = max(1.0, expected.abs().max().item() if expected.numel() else 0.0)
    error = (actual.to(expected.dtype) - expected).abs().max().item() if expected.numel() else 0.0
    assert error <= 16 * torch.finfo(actual.dtype).eps * scale


def output_and_gradients(function: Callable[..., Tensor], operands: Sequence[Any]) -> list[Tensor]:
    output = function(*operands)
    wanted = [t for t in operands if isinstance(t, Tensor) and t.requires_grad]
    if not wanted:
        return [output]
    generator = torch.Generator().manual_seed(1)
    cotangent = torch.randn(output.shape, generator=generator, dtype=torch.float64)
    gradients = torch.autograd.grad(output, wanted, cotangent.to(output.dtype))
    assert [g.dtype for g in gradients] == [t.dtype for t in wanted]
    return [output, *gradients]


def report(method: str, what: str, passed: int, skipped: collections.Counter[str]) -> None:
    print(f"\n{method}: {passed} samples of {what} passed, {skipped.total()} skipped")
    for reason, count in skipped.items():
        print(f"  {count}: {reason}")
    assert not skipped or method not in ("native", "auto")
    if not passed:
        pytest.skip("; ".join(skipped))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_operator_samples(function: str, method: str, dtype: torch.dtype) -> None:
    ours, theirs = getattr(fftconv, function), getattr(F, function)
    passed, skipped = 0, collections.Counter[str]()
    differentiable = dtype.is_floating_point or dtype.is_complex
    for sample in OPERATORS[function].sample_inputs("cpu", dtype, requires_grad=differentiable):
        operands = (sample.input, *sample.args)

        def reference(*operands: Tensor, kwargs: dict[str, Any] = sample.kwargs) -> Tensor:
            result: Tensor = theirs(*operands, **kwargs)
            return result

        def subject(*operands: Tensor, kwargs: dict[str, Any] = sample.kwargs) -> Tensor:
            result: Tensor = ours(*operands, **kwargs, method=method)
            return result

        expected = output_and_gradients(reference, [wide(t) for t in operands])
        try:
            actual = output_and_gradients(subject, operands)
        except NotImplementedError as reason:
            skipped[str(reason)] += 1
            continue
        for one, other in zip(actual, expected, strict=True):
            assert_accurate(one, other)
        passed += 1
    report(method, f"nn.functional.{function} in {dtype}", passed, skipped)


@pytest.mark.parametrize("function", ["conv2d", "conv1d"])  # torch has no others
@pytest.mark.parametrize("method", METHODS)
def test_operator_errors(function: str, method: str) -> None:
    ours, theirs = getattr(fftconv, function), getattr(F, function)
    passed = 0
    for error in OPERATORS[function].error_inputs("cpu"):
        sample = error.sample_input
        operands = (sample.input, *sample.args)
        with pytest.raises(error.error_type):
            theirs(*operands, **sample.kwargs)
        with pytest.raises(error.error_type) as caught:
            ours(*operands, **sample.kwargs, method=method)
        assert caught.type is error.error_type
        assert "\n" not in str(caught.value)
        passed += 1
    assert passed > 5
    report(method, f"the errors of nn.functional.{function}", passed, collections.Counter())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("layer", LAYERS)
def test_module_samples(layer: str, method: str, dtype: torch.dtype, training: bool) -> None:
    ours, theirs, info = getattr(fftconv, layer), getattr(torch.nn, layer), MODULES[layer]
    passed, skipped = 0, collections.Counter[str]()
    samples = info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=True, training=training
    )
    for sample in samples:
        made, given = sample.constructor_input, sample.forward_input
        reference = theirs(*made.args, **made.kwargs).to(dtype).train(training)
        subject = ours(*made.args, **made.kwargs, method=method).to(dtype).train(training)
        subject.load_state_dict(reference.state_dict())
        exact = copy.deepcopy(reference).double()
        (x,) = given.args
        expected = output_and_gradients(
            lambda x, *_, exact=exact: exact(x), [wide(x), *exact.parameters()]
        )
        try:
            actual = output_and_gradients(
                lambda x, *_, subject=subject: subject(x), [x, *subject.parameters()]
            )
        except NotImplementedError as reason:
            skipped[str(reason)] += 1
            continue
        for one, other in zip(actual, expected, strict=True):
            assert_accurate(one, other)
        passed += 1
    report(method, f"nn.{layer} in {dtype}", passed, skipped)
