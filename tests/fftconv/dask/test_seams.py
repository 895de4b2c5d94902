"""Blocks together are the whole image's result: in any chunks, with any numbers, of any mode."""

import os
from itertools import pairwise

import dask
import dask.array as da
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fftconv.dask
from fftconv.dask.operands import PADDING_MODES

# Hypothesis fails a test that is slow by the clock; a busy machine is no fault of the test.
# FFTCONV_SEAM_CASES=500 tries more.
RUNS = settings(
    max_examples=int(os.environ.get("FFTCONV_SEAM_CASES", "40")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
CLOSE = 1e-6  # of the largest value


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def ragged(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    """Chunks of an axis: some of one place, some of nearly all."""
    cuts = draw(st.sets(st.integers(1, size - 1), max_size=3)) if size > 1 else set()
    edges = [0, *sorted(cuts), size]
    return tuple(b - a for a, b in pairwise(edges))


@st.composite
def cases(draw: st.DrawFn) -> dict[str, object]:
    """Every argument at once, such that at least one output remains."""
    groups, per_group = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    mode = draw(st.sampled_from(PADDING_MODES))
    kernel, dilation = draw(pairs(1, 6)), draw(pairs(1, 3))
    padding = draw(st.one_of(pairs(0, 7), st.just("same")))
    stride = (1, 1) if padding == "same" else draw(pairs(1, 4))
    around = (9, 9) if padding == "same" else padding
    size = []
    for k, d, p in zip(kernel, dilation, around, strict=True):
        # What reflects or repeats has to be as wide as the padding.
        least = max(1, (k - 1) * d + 1) if mode == "zeros" else max((k - 1) * d + 1, p + 1)
        size.append(least + draw(st.integers(0, 25)))
    shape = (draw(st.integers(1, 2)), groups * per_group, *size)
    return {
        "shape": shape,
        "weight": (groups * draw(st.integers(1, 2)), per_group, *kernel),
        "chunks": tuple(draw(ragged(length)) for length in shape),
        "numbers": (stride, padding, dilation, groups),
        "mode": mode,
        "dtype": draw(st.sampled_from(["f4", "f8"])),
        # What auto takes compiles anew for each filter: not in every case.
        "method": draw(st.sampled_from(["native", "fft", "overlap_save", "auto"])),
        "seed": draw(st.integers(0, 1000)),
        "batched": shape[0] > 1 or draw(st.booleans()),
        "joined": draw(st.booleans()),
        "other": draw(st.integers(5, 30)),
    }


def whole(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None, case) -> torch.Tensor:
    """Return the whole image's result, by torch."""
    stride, padding, dilation, groups = case["numbers"]
    if case["mode"] == "zeros":
        return F.conv2d(x, w, bias, stride, padding, dilation, groups)
    layer = torch.nn.Conv2d(
        x.shape[1], w.shape[0], tuple(w.shape[2:]), stride, padding, dilation, groups,
        bias=False, padding_mode=case["mode"],
    )  # fmt: skip
    return layer._conv_forward(x, w, bias)


def close(actual: np.ndarray, expected: torch.Tensor) -> None:
    expected = expected.detach().numpy()
    assert actual.shape == expected.shape
    largest = np.abs(expected).max(initial=0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=CLOSE * largest + 1e-30)


# torch, which is only asked for what is right, says how it pads even filters.
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@RUNS
@given(case=cases())
def test_all_three_maps_agree_with_autograd_on_the_whole_image(case) -> None:
    generator = np.random.default_rng(case["seed"])
    image = generator.standard_normal(case["shape"])
    weight = generator.standard_normal(case["weight"])
    bias = generator.standard_normal(case["weight"][0])
    # torch computes in float64, whatever the blocks are computed in.
    x, w = (torch.from_numpy(a.astype(case["dtype"])).double() for a in (image, weight))
    b = torch.from_numpy(bias.astype(case["dtype"])).double()
    x.requires_grad_(), w.requires_grad_()
    y = whole(x, w, b, case)
    gradient = generator.standard_normal(y.shape).astype(case["dtype"])
    gx, gw = torch.autograd.grad(y, (x, w), torch.from_numpy(gradient).double())

    lazy, g = (da.from_array(a.astype(case["dtype"])) for a in (image, gradient))
    lazy = lazy.rechunk(case["chunks"])
    g = g.rechunk((1, -1, case["other"], case["other"] + 3))
    if not case["batched"]:
        lazy, g, y, gx = lazy[0], g[0], y[0], gx[0]
    given = weight.astype(case["dtype"])
    numbers, mode = (*case["numbers"], case["method"]), case["mode"]
    # Chunks that are small beside the filter are joined, unless blocks are asked for.
    small = {} if case["joined"] else {"chunks": case["other"]}
    with dask.config.set(scheduler="synchronous"):
        made = fftconv.dask.conv2d(
            lazy, given, bias.astype(case["dtype"]), *numbers, padding_mode=mode, **small
        )
        assert made.shape == tuple(y.shape)
        assert made.dtype == case["dtype"]
        close(made.compute(), y)
        size = case["shape"][2:]
        made = fftconv.dask.grad_input(g, given, size, *numbers, padding_mode=mode, **small)
        close(made.compute(), gx)
        kernel = case["weight"][2:]
        made = fftconv.dask.grad_weight(lazy, g, kernel, *numbers, padding_mode=mode)
        close(made.compute(), gw)


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("method", ["direct", "fft", "native", "compiled", "overlap_save"])
def test_a_halo_may_be_larger_than_its_chunks(mode, method) -> None:
    image = np.random.default_rng(0).standard_normal((1, 90, 110))
    weight = np.random.default_rng(1).standard_normal((1, 1, 41, 61))
    numbers = (1, (20, 30), 1, 1)
    y = whole(torch.from_numpy(image[None]), torch.from_numpy(weight), None,
              {"numbers": numbers, "mode": mode})[0]  # fmt: skip
    lazy = da.from_array(image, chunks=(1, 13, 17))
    made = fftconv.dask.conv2d(lazy, weight, None, *numbers, method, padding_mode=mode, chunks=25)
    assert made.chunks[1] == (25, 25, 25, 15)
    close(made.compute(), y)


def test_complex_gradients_are_autograds() -> None:
    generator = np.random.default_rng(0)
    image, weight = (
        generator.standard_normal(shape) + 1j * generator.standard_normal(shape)
        for shape in ((1, 2, 30, 20), (3, 2, 5, 3))
    )
    x, w = (torch.from_numpy(a).requires_grad_() for a in (image, weight))
    y = F.conv2d(x, w)
    gradient = generator.standard_normal(y.shape) + 0j
    gx, gw = torch.autograd.grad(y, (x, w), torch.from_numpy(gradient))
    lazy, g = da.from_array(image, chunks=11), da.from_array(gradient, chunks=9)
    close(fftconv.dask.conv2d(lazy, weight).compute(), y)
    close(fftconv.dask.grad_input(g, weight).compute(), gx)
    close(fftconv.dask.grad_weight(lazy, g, (5, 3)).compute(), gw)


def test_whole_numbers_stay_whole() -> None:
    image = np.arange(600, dtype="i4").reshape(1, 20, 30)
    weight = np.arange(6, dtype="i4").reshape(1, 1, 2, 3)
    y = fftconv.dask.conv2d(da.from_array(image, chunks=(1, 7, 7)), weight)
    expected = F.conv2d(torch.from_numpy(image), torch.from_numpy(weight))
    assert y.dtype == "i4"
    np.testing.assert_array_equal(y.compute(), expected.numpy())
