"""`fftconv.Conv2d` in the place of `torch.nn.Conv2d`."""

import copy
import inspect
import io
import pickle

import pytest
import torch

import fftconv

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)


@EACH
@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(1, 2), "same", "valid"])
@pytest.mark.parametrize("bias", [True, False])
def test_state_goes_both_ways(
    method: str, padding_mode: str, padding: tuple[int, int] | str, bias: bool
) -> None:
    arguments = {"padding": padding, "padding_mode": padding_mode, "bias": bias, "groups": 2}
    ours = fftconv.Conv2d(4, 6, (3, 5), **arguments, method=method)
    torchs = torch.nn.Conv2d(4, 6, (3, 5), **arguments)
    x = torch.randn(2, 4, 9, 8)
    torchs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x), torchs(x))
    again = fftconv.Conv2d(4, 6, (3, 5), **arguments, method=method)
    again.load_state_dict(torchs.state_dict())
    torch.testing.assert_close(again(x[0]), torchs(x[0]))


@pytest.mark.parametrize("kind", [fftconv.Conv1d, fftconv.Conv2d, fftconv.ConvTranspose2d])
def test_the_signature_is_torchs_and_a_method(kind: type[torch.nn.Module]) -> None:
    """`torch.nn.utils.skip_init` refuses a layer that seems to take no device."""
    torchs = inspect.signature(getattr(torch.nn, kind.__name__)).parameters
    assert list(inspect.signature(kind).parameters) == [*torchs, "method"]
    layer = torch.nn.utils.skip_init(kind, 2, 4, 3, method="fft")
    assert layer.method == "fft"

    class Own(kind):
        def __init__(self, width: int) -> None:
            super().__init__(1, width, 3)

    assert list(inspect.signature(Own).parameters) == ["width"]


def test_same_seed_same_weights() -> None:
    torch.manual_seed(1)
    ours = fftconv.Conv2d(4, 6, 3)
    torch.manual_seed(1)
    assert torch.equal(ours.weight, torch.nn.Conv2d(4, 6, 3).weight)


@EACH
def test_copies_keep_the_method(method: str) -> None:
    layer = fftconv.Conv2d(4, 6, 3, stride=2, method=method)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    x = torch.randn(1, 4, 9, 8)
    for other in (
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(file, weights_only=False),
    ):
        assert other.method == method
        assert torch.equal(other(x), layer(x))
    assert repr(layer) == f"Conv2d(4, 6, kernel_size=(3, 3), stride=(2, 2), method={method})"


def test_the_method_may_be_changed() -> None:
    layer = fftconv.Conv2d(4, 6, 3, method="direct")
    x = torch.randn(1, 4, 9, 8)
    before = layer(x)
    layer.method = "fft"
    torch.testing.assert_close(layer(x), before)
    layer.method = "magic"
    with pytest.raises(ValueError, match="'magic'"):
        layer(x)
