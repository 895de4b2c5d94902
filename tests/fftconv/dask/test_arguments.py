"""What `fftconv.dask` takes, and what it says of mistakes before anything is computed."""

import subprocess
import sys

import dask
import dask.array as da
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import fftconv
import fftconv.dask
from fftconv.auto import plan
from fftconv.dask import work

X = da.zeros((1, 2, 20, 20), chunks=10, dtype="f4")
W = np.zeros((4, 2, 3, 3), "f4")
G = da.zeros((1, 4, 18, 18), chunks=10, dtype="f4")


def test_fftconv_alone_imports_no_dask() -> None:
    script = "import sys, fftconv; sys.exit(any('dask' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("make", [
    lambda: fftconv.dask.conv2d(X, W), lambda: fftconv.dask.grad_input(G, W),
    lambda: fftconv.dask.grad_weight(X, G, 3),
])  # fmt: skip
def test_shape_and_dtype_are_known_before_anything_is_computed(monkeypatch, make) -> None:
    monkeypatch.setattr(work, "tensor", lambda _: pytest.fail("computed"))
    lazy = make()
    assert lazy.dtype == "f4"
    monkeypatch.undo()
    made = lazy.compute()
    assert made.shape == lazy.shape
    assert made.dtype == lazy.dtype


def test_a_weight_may_be_of_numpy_torch_or_dask() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((1, 2, 20, 20))
    w, bias = generator.standard_normal((4, 2, 3, 3)), generator.standard_normal(4)
    expected = F.conv2d(*(torch.from_numpy(a) for a in (x, w, bias)))
    lazy = da.from_array(x, chunks=8)
    for given in (
        (w, bias),
        (torch.from_numpy(w), torch.from_numpy(bias)),
        (da.from_array(w, chunks=2), da.from_array(bias, chunks=3)),
        (w.astype(">f8"), bias[::-1].copy()[::-1]),
        (da.from_array(w.astype(">f8")), da.from_array(bias.astype(">f8"))),
    ):
        made = fftconv.dask.conv2d(lazy, *given)
        np.testing.assert_allclose(made.compute(), expected, atol=1e-12)


def test_a_weight_is_taken_as_it_is_when_it_is_given() -> None:
    w = torch.ones(1, 2, 3, 3)
    lazy = fftconv.dask.conv2d(X + 1, w)
    w.zero_()
    assert lazy.compute().max() == 18


def test_the_order_of_bytes_does_not_matter() -> None:
    values = np.random.default_rng(0).standard_normal((1, 2, 20, 20)).astype(">f4")
    made = fftconv.dask.conv2d(da.from_array(values, chunks=9), W + 1)
    assert made.dtype == np.dtype("f4")
    expected = F.conv2d(torch.from_numpy(values.astype("f4")), torch.from_numpy(W + 1))
    np.testing.assert_allclose(made.compute(), expected, atol=1e-5)


def test_empty_chunks_are_left_out() -> None:
    generator = np.random.default_rng(0)
    x, g = generator.standard_normal((1, 1, 12, 9)), generator.standard_normal((1, 1, 10, 7))
    ragged = da.from_array(g, chunks=((1,), (1,), (4, 0, 6), (0, 7)))
    lazy = fftconv.dask.grad_weight(da.from_array(x), ragged, (3, 3))
    expected = F.conv2d(torch.from_numpy(x), torch.from_numpy(g))
    np.testing.assert_allclose(lazy.compute(), expected, atol=1e-12)
    made = fftconv.dask.conv2d(da.from_array(x), g[..., :3, :3], chunks=((4, 0, 6), (7,)))
    assert made.chunks[2:] == ((4, 6), (7,))
    assert made.compute().shape == (1, 1, 10, 7)


def test_arrays_that_may_not_be_written_to_are_read_in_place() -> None:
    values = np.random.default_rng(0).standard_normal((20, 20))
    values.flags.writeable = False
    seen = work.tensor(values)
    assert seen.data_ptr() == values.__array_interface__["data"][0]
    np.testing.assert_array_equal(seen, values)


def test_equal_calls_have_equal_names_and_others_do_not() -> None:
    first = fftconv.dask.conv2d(X, W)
    assert first.name == fftconv.dask.conv2d(X, W.copy()).name
    others = [
        fftconv.dask.conv2d(X, W + 1), fftconv.dask.conv2d(X + 1, W),
        fftconv.dask.conv2d(X, W, padding=1), fftconv.dask.conv2d(X, W, method="fft"),
        fftconv.dask.conv2d(X, W, padding_mode="reflect", padding=1),
    ]  # fmt: skip
    assert len({first.name, *(other.name for other in others)}) == 6


def test_a_case_is_planned_once_for_all_blocks_of_a_shape(monkeypatch) -> None:
    planned = []
    decide = plan.decide

    def noted(geometry: object, *arguments: object) -> plan.Plan:
        planned.append(geometry)
        return decide(geometry, *arguments)

    monkeypatch.setattr(plan, "decide", noted)
    x = da.zeros((1, 1, 330, 330), chunks=33, dtype="f4") + 1
    w = np.zeros((1, 1, 3, 3), "f4")
    with dask.config.set(scheduler="threads", num_workers=4):
        fftconv.dask.conv2d(x, w, padding=1, chunks=33).compute()
    assert len(planned) == 1  # a border's window is filled up to the size of the others


def test_sums_do_not_depend_on_who_computes_them() -> None:
    generator = np.random.default_rng(0)
    x, g = (generator.standard_normal((1, 1, 200, 200)).astype("f4") for _ in range(2))
    lazy, grad = da.from_array(x, chunks=17), da.from_array(g, chunks=17)
    made = fftconv.dask.grad_weight(lazy, grad, 3, padding=1, method="native")
    assert made.dask.keys() >= {(made.name, 0, 0, 0, 0)}
    results = []
    for workers in (1, 2, 5):
        with dask.config.set(scheduler="threads", num_workers=workers, pool=None):
            results.append(made.compute())
    assert all(np.array_equal(results[0], result) for result in results)


def test_a_tensor_with_gradients_is_refused_while_they_are_recorded() -> None:
    w = torch.zeros(4, 2, 3, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"pass weight.detach\(\)"):
        fftconv.dask.conv2d(X, w)
    with torch.no_grad():
        assert fftconv.dask.conv2d(X, w).shape == (1, 4, 18, 18)


def test_whole_numbers_are_computed_where_torch_does() -> None:
    generator = np.random.default_rng(0)
    x, w = generator.integers(-9, 9, (1, 2, 20, 20)), generator.integers(-9, 9, (4, 2, 3, 3))
    for dtype, method in (("i8", "auto"), ("i4", "direct")):  # which torch itself has not
        made = fftconv.dask.conv2d(
            da.from_array(x.astype(dtype), chunks=8), w.astype(dtype), dilation=2, method=method
        )
        expected = F.conv2d(torch.from_numpy(x), torch.from_numpy(w), dilation=2)
        np.testing.assert_array_equal(made.compute(), expected)


def test_no_image_gives_no_image() -> None:
    made = fftconv.dask.conv2d(X[:0], W)
    assert made.compute().shape == made.shape == (0, 4, 18, 18)


MISTAKES = [
    (lambda: fftconv.dask.conv2d(np.zeros((2, 20, 20), "f4"), W), TypeError, "input must be a"),
    (lambda: fftconv.dask.conv2d(X[0, 0], W), RuntimeError, "input must have 4 dimensions"),
    (lambda: fftconv.dask.conv2d(X, [[1.0]]), TypeError, "weight must be an array of"),
    (lambda: fftconv.dask.conv2d(X, W[0]), RuntimeError, "weight must have 4 dimensions"),
    (lambda: fftconv.dask.conv2d(X, W[:, :1]), RuntimeError, "must have 1 channels"),
    (lambda: fftconv.dask.conv2d(X, W.astype("f8")), RuntimeError, "weight must have the input's"),
    (lambda: fftconv.dask.conv2d(X, W, np.zeros(3, "f4")), RuntimeError, "bias must have one"),
    (lambda: fftconv.dask.conv2d(X, W, np.zeros(4)), RuntimeError, "bias must have the input's"),
    (lambda: fftconv.dask.conv2d(X, W, stride=0), RuntimeError, "stride must be positive"),
    (lambda: fftconv.dask.conv2d(X, W, stride=1.5), TypeError, "stride must be an integer"),
    (lambda: fftconv.dask.conv2d(X, W, padding=-1), RuntimeError, "padding must not be"),
    (lambda: fftconv.dask.conv2d(X, W, groups=3), RuntimeError, "groups=3"),
    (lambda: fftconv.dask.conv2d(X, W, groups=0), RuntimeError, "groups must be positive"),
    (lambda: fftconv.dask.conv2d(X, W, dilation=10), RuntimeError, "larger than the padded"),
    (lambda: fftconv.dask.conv2d(X, W, method="fastest"), ValueError, "fastest"),
    (lambda: fftconv.dask.conv2d(X, W, padding_mode="same"), ValueError, "padding_mode must be"),
    (
        lambda: fftconv.dask.conv2d(X, W, padding=20, padding_mode="reflect"),
        RuntimeError, "can add at most 19 to 20 rows",
    ),
    (
        lambda: fftconv.dask.conv2d(X, W, padding=21, padding_mode="circular"),
        RuntimeError, "can add at most 20 to 20 rows",
    ),
    (
        lambda: fftconv.dask.conv2d(X.astype("u2"), W.astype("u2")),
        NotImplementedError, "not implemented for 'UInt16'",
    ),
    (
        lambda: fftconv.dask.conv2d(X.astype("O"), W.astype("O")), TypeError, "numpy.object_",
    ),
    (
        lambda: fftconv.dask.conv2d(X.astype("i4"), W.astype("i4"), method="fft"),
        NotImplementedError, "int32",
    ),
    (
        lambda: fftconv.dask.conv2d(X.astype("i4"), W.astype("i4"), dilation=2),
        NotImplementedError, "not implemented for 'Int'",
    ),
    (
        lambda: fftconv.dask.conv2d(X.astype("u1"), W.astype("u1"), dilation=(1, 3), groups=1),
        NotImplementedError, "not implemented for 'Byte'",
    ),
    (
        lambda: fftconv.dask.conv2d(X.astype(bool), W.astype(bool)),
        NotImplementedError, "not implemented for 'Bool'",
    ),
    (
        lambda: fftconv.dask.grad_input(G.astype("i8"), W.astype("i8")),
        NotImplementedError, "not implemented for 'Long'",
    ),
    (
        lambda: fftconv.dask.grad_weight(X.astype("i4"), G.astype("i4"), 3, method="native"),
        NotImplementedError, "not implemented for 'Int'",
    ),
    (lambda: fftconv.dask.conv2d(X, W, padding=2**62), RuntimeError, "fit into 64 bits"),
    (lambda: fftconv.dask.conv2d(X[X > 0][:, None, None], W), ValueError, "compute_chunk_sizes"),
    (lambda: fftconv.dask.conv2d(X, W, chunks=(5, 5, 5)), ValueError, "Chunks"),
    (lambda: fftconv.dask.grad_input(G[:, :3], W), RuntimeError, "grad must have the output's"),
    (lambda: fftconv.dask.grad_input(G, W, (30, 30)), RuntimeError, "grad must have the output's"),
    (lambda: fftconv.dask.grad_weight(X, G[0], 3), RuntimeError, "as many dimensions as input"),
    (lambda: fftconv.dask.grad_weight(X, G, 4), RuntimeError, "grad must have the output's"),
    (lambda: fftconv.dask.grad_weight(X, G, 3, groups=0), RuntimeError, "groups must be positive"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "says"), MISTAKES)
def test_mistakes_are_named_at_once(call, error, says) -> None:
    with pytest.raises(error, match=says) as raised:
        call()
    assert "\n" not in str(raised.value)
