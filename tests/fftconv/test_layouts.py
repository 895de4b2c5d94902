"""Tensors that are no rows of numbers: as torch takes them, or torch's own error."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv

X, W, B = torch.randn(2, 1, 12, 12), torch.randn(3, 1, 5, 5), torch.randn(3)
TORCHS = pytest.mark.parametrize("method", ["auto", "native"])


def nested(*shapes: tuple[int, ...], layout: torch.layout = torch.strided) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nested tensors are a prototype
        return torch.nested.nested_tensor([torch.randn(s) for s in shapes], layout=layout)


def compressed(tensor: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so are these
        return tensor.to_sparse_csr()


ACCEPTED = {
    "input": (X.to_mkldnn(), W, None),
    "input and weight": (X.to_mkldnn(), W.to_mkldnn(), None),
    "all": (X.to_mkldnn(), W.to_mkldnn(), B.to_mkldnn()),
    "input beside a bias": (X.to_mkldnn(), W, B),
}
REFUSED = {
    "weight of mkldnn": (X, W.to_mkldnn(), None),
    "bias of mkldnn": (X, W, B.to_mkldnn()),
    "one image of mkldnn": (X[0].to_mkldnn(), W, None),
    "sparse input": (X.to_sparse(), W, None),
    "sparse weight": (X, W.to_sparse(), None),
    "sparse bias": (X, W, B.to_sparse()),
    "compressed input": (compressed(X[0, 0]), W, None),
    "nested input": (nested((1, 12, 12), (1, 9, 12)), W, None),
    "nested weight": (X, nested((1, 12, 12), (1, 9, 12)), None),
    "jagged input": (nested((12, 12), (9, 12), layout=torch.jagged), W, None),
}


@TORCHS
@pytest.mark.parametrize("name", ACCEPTED)
def test_what_torch_takes_is_taken(method: str, name: str) -> None:
    x, w, b = ACCEPTED[name]
    with torch.no_grad():
        expected = F.conv2d(x, w, b, padding=1)
        # Before and after a plain call of the same shapes has been prepared.
        for _ in range(2):
            actual = fftconv.conv2d(x, w, b, padding=1, method=method)
            assert actual.layout == expected.layout
            torch.testing.assert_close(actual.to_dense(), expected.to_dense())
            fftconv.conv2d(X, W, None if b is None else B, padding=1, method=method)


@TORCHS
@pytest.mark.parametrize("name", REFUSED)
def test_what_torch_refuses_gives_torchs_error(method: str, name: str) -> None:
    x, w, b = REFUSED[name]
    with pytest.raises((RuntimeError, NotImplementedError)) as torchs:
        F.conv2d(x, w, b)
    for _ in range(2):
        with pytest.raises(torchs.type) as ours:
            fftconv.conv2d(x, w, b, method=method)
        assert str(ours.value).splitlines()[0] == str(torchs.value).splitlines()[0]
        fftconv.conv2d(X, W, None if b is None else B, method=method)


@pytest.mark.parametrize("method", ["direct", "fft", "compiled", "overlap_save"])
@pytest.mark.parametrize("name", [*ACCEPTED, *REFUSED])
def test_other_methods_name_the_operand(method: str, name: str) -> None:
    x, w, b = {**ACCEPTED, **REFUSED}[name]
    with pytest.raises(NotImplementedError, match=rf"^method '{method}' takes strided .*") as error:
        fftconv.conv2d(x, w, b, method=method)
    assert "\n" not in str(error.value)


def test_a_layer_trains_on_mkldnn_tensors() -> None:
    layer = fftconv.Conv2d(1, 3, 5)
    x = X.to_mkldnn().requires_grad_()
    layer(x).to_dense().square().sum().backward()
    gradient, layer.weight.grad = layer.weight.grad, None
    layer(X).square().sum().backward()
    torch.testing.assert_close(gradient, layer.weight.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated")
def test_a_network_is_converted_to_mkldnn() -> None:
    from torch.utils import mkldnn  # warns while it is imported

    network = torch.nn.Sequential(fftconv.Conv2d(1, 3, 5), torch.nn.ReLU()).eval()
    with torch.no_grad():
        converted = mkldnn.to_mkldnn(network)
        torch.testing.assert_close(converted(X.to_mkldnn()).to_dense(), network(X))
