"""The parameter-free layer: the tutorial's printed numbers, both gradients, shapes, errors."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from fftconv import BadFFTFunction, fft_magnitude, incorrect_fft

# The tutorial's printed input and result.
PRINTED_INPUT = """
    -1.4503 -0.6550  0.0648  0.2886  1.9357 -1.2299 -1.7474  0.6866
    -0.2466 -1.0292  0.3109 -0.4289 -0.3620  1.1854 -1.3372 -0.2717
     0.0828  0.9115  0.7877 -0.5776  1.6676 -0.5576 -0.2321 -0.3273
     0.1632  0.3835  0.5422 -0.9144  0.2871  0.1441 -1.8333  1.4951
    -0.2183 -0.5220  0.9151  0.0540 -1.0642  0.4409  0.7906 -1.2262
     0.4039  0.3374  1.0567 -0.8190  0.7870 -0.6152 -0.2887  1.3878
     1.6407  0.0220  1.4984 -1.9722  0.3797 -0.0180 -0.7096 -0.2454
     0.7194  2.3345 -0.0780 -0.2043 -0.4576 -0.9087 -2.4926  0.9283
"""
PRINTED_RESULT = """
     0.4073 11.6080  7.4098 18.1538  3.4384
     4.9980  3.5935  6.9132  3.8621  6.1521
     5.2876  6.2480  9.3535  5.1881  9.5353
     4.5351  2.3523  6.9937  4.2700  2.6574
     0.7658  7.8288  3.9512  5.2703 15.0991
     4.5351  4.9517  7.7959 17.9770  2.6574
     5.2876 11.0435  4.1705  0.9899  9.5353
     4.9980 11.1055  5.8031  3.1775  6.1521
"""

BOTH = pytest.mark.parametrize("layer", [incorrect_fft, fft_magnitude])
SHAPES = [(8, 8), (5, 7), (6, 3), (1, 1), (1, 4), (3, 4, 5), (2, 3, 4, 9), (0, 4, 5)]


def printed(table: str) -> Tensor:
    rows = [
        [float(number) for number in line.split()] for line in table.split("\n") if line.split()
    ]
    return torch.tensor(rows)


@BOTH
def test_the_tutorials_printed_result_follows_from_its_printed_input(layer) -> None:
    # The input is printed rounded to four decimals, so the result is that far off too.
    torch.testing.assert_close(
        layer(printed(PRINTED_INPUT)), printed(PRINTED_RESULT), atol=1.2e-3, rtol=0
    )


@BOTH
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_magnitude_of_any_shape(layer, shape, dtype) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype)
    expected = torch.from_numpy(np.abs(np.fft.rfft2(x.double().numpy()))).to(dtype)
    result = layer(x)
    assert result.dtype == dtype
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_wrong_gradient_is_the_tutorials(shape, dtype) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    result = incorrect_fft(x)
    grad_output = torch.randn_like(result)
    result.backward(grad_output)
    expected = np.fft.irfft2(grad_output.double().numpy(), s=shape[-2:])
    assert x.grad is not None
    assert x.grad.dtype == dtype
    torch.testing.assert_close(x.grad, torch.from_numpy(expected).to(dtype))


def test_wrong_gradient_is_wrong() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(incorrect_fft, (x,))


def test_wrong_gradient_refuses_a_second_derivative() -> None:
    x = torch.randn(4, 4, requires_grad=True)
    (grad,) = torch.autograd.grad(incorrect_fft(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"once_differentiable|does not require grad"):
        grad.sum().backward()


@pytest.mark.parametrize("shape", [(4, 6), (3, 5), (2, 3, 4)])
def test_true_gradient_is_true_to_second_order(shape) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert fft_magnitude(x).min() > 1e-3  # away from zero, where there is no derivative
    assert torch.autograd.gradcheck(fft_magnitude, (x,))
    assert torch.autograd.gradgradcheck(fft_magnitude, (x,))


def test_subgradient_at_zero_magnitude_is_zero() -> None:
    x = torch.zeros(4, 5, requires_grad=True)
    fft_magnitude(x).sum().backward()
    assert x.grad is not None
    assert x.grad.count_nonzero() == 0


def test_true_gradient_of_an_empty_batch_is_empty() -> None:
    x = torch.zeros(0, 4, 5, requires_grad=True)
    fft_magnitude(x).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 4, 5)


def test_function_and_its_apply_are_one() -> None:
    x = torch.randn(3, 4)
    assert torch.equal(BadFFTFunction.apply(x), incorrect_fft(x))


@BOTH
def test_non_contiguous_input(layer) -> None:
    x = torch.randn(5, 2, 6).permute(1, 2, 0)
    torch.testing.assert_close(layer(x), layer(x.contiguous()))


def test_pending_minus_sign() -> None:
    x = torch.randn(4, 4, dtype=torch.complex64).conj().imag
    assert x.is_neg()
    torch.testing.assert_close(incorrect_fft(x), incorrect_fft(x.resolve_neg()))


@BOTH
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.randn(8), RuntimeError, r"shape \(\.\.\., H, W\).*got \(8,\)"),
        (torch.randn(8, 0), RuntimeError, r"got \(8, 0\)"),
        (torch.ones(4, 4, dtype=torch.int64), RuntimeError, "got torch.int64"),
        (torch.randn(4, 4, dtype=torch.complex64), RuntimeError, "got torch.complex64"),
        (torch.randn(4, 4, dtype=torch.float16), RuntimeError, "got torch.float16"),
        ([[1.0]], TypeError, "must be a Tensor, got list"),
    ],
)
def test_bad_input_gets_one_line(layer, bad, error, message) -> None:
    with pytest.raises(error, match=message) as raised:
        layer(bad)
    assert "\n" not in str(raised.value)


def test_another_device_is_refused_by_the_layer_that_leaves_torch() -> None:
    x = torch.randn(4, 4, device="meta")
    with pytest.raises(TypeError, match="input is on meta, but this layer computes on the CPU"):
        incorrect_fft(x)
    assert fft_magnitude(x).shape == (4, 3)
