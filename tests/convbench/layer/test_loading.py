"""What a name leads to: a module, a class of them, a factory, a Function, a function."""

import pytest
import torch

from convbench.layer.loading import load

CODE = """
    import torch
    from torch.autograd import Function

    class Scale(torch.nn.Module):
        def __init__(self, by=2.0, *, bias=False):
            super().__init__()
            self.by, self.bias = by, bias
            self.weight = torch.nn.Parameter(torch.randn(3))

        def forward(self, x):
            return x * self.by

    made = Scale(5.0)

    def factory():
        return Scale(7.0)

    def factory_of_width(width=11.0):
        return Scale(width)

    def function(x):
        return x * 13

    def function_of_anything(*tensors):
        return tensors[0] * 17

    class Triple(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 3

        @staticmethod
        def backward(ctx, grad):
            return grad * 3

    class Holder:
        inner = Scale(19.0)
"""


@pytest.mark.parametrize(
    ("path", "factor"),
    [
        ("Scale", 2.0),
        ("Scale(4.0)", 4.0),
        ("Scale(by=4.5, bias=True)", 4.5),
        ("made", 5.0),
        ("factory", 7.0),
        ("factory()", 7.0),
        ("factory_of_width", 11.0),
        ("factory_of_width(12.0)", 12.0),
        ("function", 13.0),
        ("function_of_anything", 17.0),
        ("Triple", 3.0),
        ("Holder.inner", 19.0),
    ],
)
def test_a_name_leads_to_a_layer(path, factor, written) -> None:
    layer = load(f"{written(CODE).__name__}:{path}", 1)
    assert float(layer(torch.ones(1))) == factor


def test_a_function_of_torchs_own_is_a_layer() -> None:
    assert float(load("torch:relu", 1)(torch.tensor(-1.0))) == 0.0


def test_two_of_a_kind_have_the_same_parameters_and_the_callers_numbers_stay(written) -> None:
    name = f"{written(CODE).__name__}:Scale"
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    first, second = load(name, 1), load(name, 1)
    assert torch.equal(first.weight, second.weight)  # type: ignore[attr-defined]
    assert torch.equal(torch.rand(4), wanted)
