"""Compare first and second derivatives with differences; one that is missing is to be refused.

torch's `gradcheck` compares every entry of a Jacobian, which for an image of some size takes hours.
Here it is asked about the same map along a few random directions of each operand, and of the
result: a wrong gradient differs along nearly all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError

from convbench.layer.checks.context import Context
from convbench.layer.errors import line
from convbench.layer.finding import Finding, failed, not_applicable, passed
from convbench.layer.places import raised_at
from convbench.layer.subject import Operands, differentiable

_DIRECTIONS = 2
_EPS, _ATOL, _RTOL = 1e-6, 1e-5, 1e-3
_WIDE = torch.float64

_WRONG = (
    "derive backward anew: it returns the transposed Jacobian times grad_output, for each input "
    "of forward"
)
_WRAP = (
    "what comes back from another library is new to autograd: compute it in the forward of a "
    "torch.autograd.Function, and its gradient in backward"
)
_SECOND = (
    "compute backward by torch operations or by Functions that have a backward themselves, or "
    "mark it @once_differentiable"
)
_MARK = "put @torch.autograd.function.once_differentiable on backward, below @staticmethod"


@dataclass(frozen=True)
class _Projected:
    """The layer as a map from a few steps along directions to a few numbers."""

    operands: Operands
    steps: tuple[Tensor, ...]
    """One vector for each operand: the variables."""
    along: Callable[..., tuple[Tensor, ...]]
    differentiable: bool
    """Whether any result carries a gradient."""


def _real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _projected(context: Context) -> _Projected:
    operands = context.subject.operands(_WIDE)
    results = operands.results(*operands.values)
    used = [n for n, r in enumerate(results) if r.is_floating_point() or r.is_complex()]
    generator = torch.Generator().manual_seed(2)

    def draw(tensor: Tensor) -> Tensor:
        shape = (_DIRECTIONS, *tensor.shape)
        return torch.randn(shape, generator=generator, dtype=_WIDE)

    directions = [draw(value) for value in operands.values]
    weights = [draw(_real(results[n])) for n in used]

    def along(*steps: Tensor) -> tuple[Tensor, ...]:
        moved = [
            value.detach() + torch.tensordot(step, direction, 1)
            for value, step, direction in zip(operands.values, steps, directions, strict=True)
        ]
        found = operands.results(*moved)
        return tuple(
            (weight * _real(found[n]).to(_WIDE)).reshape(_DIRECTIONS, -1).sum(1)
            for n, weight in zip(used, weights, strict=True)
        )

    steps = tuple(torch.zeros(_DIRECTIONS, dtype=_WIDE, requires_grad=True) for _ in directions)
    flowing = bool(differentiable([results[n] for n in used]))
    return _Projected(operands, steps, along, flowing)


def _numeric(of: _Projected, index: int) -> Tensor:
    """Return the derivative of all results along the first direction of one operand."""
    ends = []
    for sign in (1, -1):
        steps = [step.detach().clone() for step in of.steps]
        steps[index][0] = sign * _EPS
        with torch.no_grad():
            # None of the results may be of a floating dtype.
            ends.append(torch.cat([torch.zeros(0, dtype=_WIDE), *of.along(*steps)]))
    return (ends[0] - ends[1]) / (2 * _EPS)


def _analytic(of: _Projected, index: int) -> Tensor:
    steps = [step.detach().clone() for step in of.steps]
    steps[index].requires_grad_()
    numbers = torch.cat(of.along(*steps))
    rows = []
    for number in numbers:
        found = None
        if number.requires_grad:
            (found,) = torch.autograd.grad(
                number, steps[index], retain_graph=True, allow_unused=True
            )
        rows.append(torch.zeros((), dtype=_WIDE) if found is None else found[0])
    return torch.stack(rows)


def _disagreements(of: _Projected) -> list[str]:
    """Say of each operand whose gradient is wrong what it should be along a direction."""
    found = []
    for index, name in enumerate(of.operands.names):
        numeric, analytic = _numeric(of, index), _analytic(of, index)
        off = (numeric - analytic).abs()
        if bool((off > _ATOL + _RTOL * numeric.abs()).any()):
            worst = int(off.argmax())
            said, is_so = float(analytic[worst]), float(numeric[worst])
            found.append(
                f"the gradient of {name} is wrong: along a random direction it says {said:.4g}, "
                f"differences of the result {is_so:.4g}"
            )
    return found


def first_derivative(context: Context) -> Finding:
    """Compare the gradient with differences of the result, in float64."""
    of = _projected(context)
    if not of.differentiable:
        moves = any(bool(_numeric(of, index).any()) for index in range(len(of.steps)))
        if not moves:
            return not_applicable("the result has no derivative, and carries no gradient")
        said = "the result depends on the input, and carries no gradient"
        return failed(said, context.line_of("forward"), _WRAP)
    try:
        gradcheck(of.along, of.steps, eps=_EPS, atol=_ATOL, rtol=_RTOL, check_undefined_grad=False)
    except GradcheckError as error:
        wrong = _disagreements(of)
        said = "; ".join(wrong) or line(error)
        return failed(said, context.line_of("backward"), _WRONG)
    return passed("the gradient is that of the result, for " + ", ".join(of.operands.names))


def second_derivative(context: Context) -> Finding:
    """Compare the gradient's gradient with differences of the gradient, in float64."""
    of = _projected(context)
    if not of.differentiable:
        return not_applicable("the result carries no gradient")
    try:
        gradgradcheck(of.along, of.steps, eps=_EPS, atol=_ATOL, rtol=_RTOL)
    except GradcheckError:
        missing = "there is no second derivative: to autograd, what backward returns is constant"
        known = _has_history(of)
        said = "the second derivative is wrong" if known else missing
        return failed(said, context.line_of("backward"), _SECOND)
    except Exception as error:
        said = f"there is no second derivative: {line(error)}"
        return failed(said, raised_at(error) or context.line_of("backward"), _SECOND)
    return passed("the gradient can be differentiated again, rightly")


def _has_history(of: _Projected) -> bool:
    """Whether a gradient knows what it depends on, so that it can be differentiated again."""
    values = [value.detach().clone().requires_grad_() for value in of.operands.values]
    results = differentiable(of.operands.results(*values))
    grads = [torch.randn_like(result).requires_grad_() for result in results]
    found = torch.autograd.grad(results, values, grads, create_graph=True, allow_unused=True)
    return any(grad is not None and grad.requires_grad for grad in found)


def missing_derivative(context: Context) -> Finding:
    """Look whether a gradient that cannot be differentiated again says so when it is."""
    if not context.functions:
        return not_applicable("the layer has no autograd.Function of its own")
    of = _projected(context)
    if not of.differentiable:
        return not_applicable("the result carries no gradient")
    second = second_derivative(context)
    if second.place is None:
        return passed("there is a second derivative")
    try:
        known = _has_history(of)
    except Exception as error:
        return passed(f"differentiating twice is refused: {line(error)}")
    if known:
        return passed("the second derivative is wrong, but not missing")
    said = "differentiating twice gives no error: penalties on gradients train nothing, silently"
    return failed(said, context.line_of("backward"), _MARK)
