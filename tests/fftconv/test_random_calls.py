"""Random calls of everything that is offered, one after the other in one process, against torch.

What one call leaves behind (plans, spectra, prepared maps) the next ones find, under another mode,
dtype, layout or number of threads. FFTCONV_RANDOM_CALLS=10000 tries so many calls.
"""

import contextlib
import os
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import fftconv

CALLS = int(os.environ.get("FFTCONV_RANDOM_CALLS", "60"))
METHODS = ["auto", "auto", *(name for name in fftconv.methods() if name != "auto")]
FLOATS = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
DTYPES = [*FLOATS, torch.float32, torch.float64, torch.complex64, torch.int64]
LAYOUTS = ["dense", "dense", "channels_last", "transposed", "sliced", "repeated"]
MODES = ["grad", "grad", "no_grad", "inference", "autocast"]

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch warns of a copy


@dataclass(frozen=True)
class Call:
    """One call: which function of which operands in which mode."""

    function: str
    method: str
    mode: str
    threads: int
    dtype: torch.dtype
    shapes: tuple[tuple[int, ...], ...]
    layouts: tuple[str, str]
    seed: int
    arguments: dict[str, Any]


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Draw a call with at least one output."""
    function = draw(st.sampled_from(["conv2d", "conv2d", "conv1d", "conv_transpose2d"]))
    axes = 1 if function == "conv1d" else 2
    transposed = function == "conv_transpose2d"

    def numbers(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    few = st.integers(1, draw(st.sampled_from([1, 3, 9])))
    kernel = numbers(1, draw(st.sampled_from([1, 3, 5, 17])))
    stride, dilation = numbers(1, draw(st.sampled_from([1, 1, 3]))), numbers(1, 2)
    padding: Any = numbers(0, 4)
    groups = draw(st.integers(1, 3))
    ins, outs = groups * draw(few), groups * draw(few)
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = [1 if transposed else max(1, e - 2 * p) for e, p in zip(extents, padding, strict=True)]
    most = draw(st.sampled_from([3, 20, 60]))
    size = [low + draw(st.integers(0, most)) for low in least]
    arguments: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    arguments["groups"] = groups
    if transposed:
        arguments["padding"] = tuple(
            min(p, (e - 1) // 2) for p, e in zip(padding, extents, strict=True)
        )
        arguments["output_padding"] = tuple(
            draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
        )
    elif set(stride) == {1} and draw(st.booleans()):
        arguments["padding"] = draw(st.sampled_from(["same", "valid"]))
        size = [max(n, e) for n, e in zip(size, extents, strict=True)]
    batch = draw(st.sampled_from([(), (1,), (2,), (3,), (0,)]))
    weight = (ins, outs // groups) if transposed else (outs, ins // groups)
    shapes: tuple[tuple[int, ...], ...] = (*batch, ins, *size), (*weight, *kernel)
    if draw(st.booleans()):
        shapes = *shapes, (outs,)
    return Call(
        function=function,
        method=draw(st.sampled_from(METHODS)),
        mode=draw(st.sampled_from(MODES)),
        threads=draw(st.integers(1, 2)),
        dtype=draw(st.sampled_from(DTYPES)),
        shapes=shapes,
        layouts=(draw(st.sampled_from(LAYOUTS)), draw(st.sampled_from(LAYOUTS))),
        seed=draw(st.integers(0, 3)),
        arguments=arguments,
    )


def tensor(shape: tuple[int, ...], dtype: torch.dtype, layout: str) -> Tensor:
    """Return random numbers that lie in memory as `layout` says."""
    if layout == "sliced":
        return filled((*shape[:-1], 2 * shape[-1] + 1), dtype)[..., 1::2]
    if layout == "transposed":
        return filled((*shape[:-2], shape[-1], shape[-2]), dtype).transpose(-1, -2)
    if layout == "repeated":
        return filled((1, *shape[1:]), dtype).expand(shape)
    numbers = filled(shape, dtype)
    if layout == "channels_last" and len(shape) == 4:
        return numbers.contiguous(memory_format=torch.channels_last)
    return numbers


def filled(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    if dtype == torch.int64:
        return torch.randint(-9, 9, shape)
    return torch.randn(shape, dtype=torch.complex64 if dtype.is_complex else torch.float32).to(
        dtype
    )


def wide(value: Tensor) -> Tensor:
    """Return a copy in the widest dtype of its kind."""
    if value.is_complex():
        return value.detach().to(torch.complex128)
    return value.detach().to(torch.float64 if value.is_floating_point() else value.dtype)


def assert_close(actual: Tensor, expected: Tensor, dtype: torch.dtype, terms: int) -> None:
    """Compare with an error that is small beside the largest value."""
    assert actual.shape == expected.shape
    if not actual.numel():
        return
    if dtype == torch.int64:
        assert torch.equal(actual, expected)
        return
    error = (actual.to(expected.dtype) - expected).abs().max().item()
    eps = torch.finfo(dtype).eps
    # Halves are rounded once, or by torch at every step.
    assert error <= (8 + terms**0.5) * eps * max(1.0, expected.abs().max().item())


@contextlib.contextmanager
def mode_of(call: Call) -> Any:
    with contextlib.ExitStack() as stack:
        if call.mode == "no_grad":
            stack.enter_context(torch.no_grad())
        elif call.mode == "inference":
            stack.enter_context(torch.inference_mode())
        elif call.mode == "autocast":
            stack.enter_context(torch.autocast("cpu", torch.bfloat16))
        yield


@settings(
    max_examples=CALLS,
    deadline=None,  # a busy machine is no fault of the test
    derandomize=CALLS < 1000,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(call=calls())
def test_random_calls(call: Call) -> None:
    torch.set_num_threads(call.threads)
    torch.manual_seed(call.seed)
    layouts = (*call.layouts, "dense")
    operands = [
        tensor(shape, call.dtype, layout)
        for shape, layout in zip(call.shapes, layouts, strict=False)
    ]
    records = call.dtype != torch.int64 and call.mode in ("grad", "autocast")
    operands = [operand.requires_grad_(records) for operand in operands]
    exact = [wide(operand).requires_grad_(records) for operand in operands]
    ours, theirs = getattr(fftconv, call.function), getattr(F, call.function)
    expected = theirs(*exact, **call.arguments)
    try:
        with mode_of(call):
            y = ours(*operands, **call.arguments, method=call.method)
            dtype = theirs(*operands, **call.arguments).dtype
    except NotImplementedError:
        assert call.method not in ("auto", "native")
        return
    except RuntimeError:
        # What torch cannot do either, auto and native need not: in the words of torch.
        with mode_of(call), pytest.raises(RuntimeError):
            theirs(*operands, **call.arguments)
        assert call.method in ("auto", "native")
        return
    assert y.dtype == dtype
    terms = call.shapes[1][1:]
    coarse = torch.bfloat16 if call.mode == "autocast" and dtype == torch.bfloat16 else call.dtype
    assert_close(y, expected, coarse, int(torch.Size(terms).numel()))
    if not records:
        assert not y.requires_grad
        return
    g = torch.randn(y.shape, dtype=torch.complex64 if dtype.is_complex else torch.float32)
    actual = torch.autograd.grad(y, operands, g.to(dtype))
    wanted = torch.autograd.grad(expected, exact, wide(g.to(dtype)))
    for one, other in zip(actual, wanted, strict=True):
        assert one.dtype == call.dtype
        assert_close(one, other, coarse, max(1, y.numel()))
