"""Tensors of other layouts and dtypes: the same result, in the dtype that was given."""

from collections.abc import Sequence

import torch
from torch import Tensor

from convbench.layer.checks.context import Context
from convbench.layer.finding import Finding, failed, not_applicable, passed
from convbench.layer.places import Place
from convbench.layer.subject import Operands, differentiable
from convbench.layer.watching import Watched, casts, watch

_WIDE, _NARROW = torch.float64, torch.float32
_RTOL = {_NARROW: 1e-3, _WIDE: 1e-9}
# A float64 result made of such multiples is one that floors, counts or compares.
_COARSE = 2.0**10
# A gradient this much smaller than the others is nought but for rounding, which has few digits.
_NOUGHT = 1e-9


def close(found: Tensor | None, wanted: Tensor | None, scale: float | None = None) -> bool:
    """Whether two results are the same up to rounding of another order of operations.

    `scale` is what rounding is relative to, where that is not the result's own largest number.
    """
    if found is None or wanted is None:
        return found is wanted
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return False
    if not (found.is_floating_point() or found.is_complex()):
        return bool((found == wanted).all())
    rtol = _RTOL.get(wanted.dtype, _RTOL[_NARROW])
    scale = _largest(wanted) if scale is None else scale
    return torch.allclose(found, wanted, rtol=rtol, atol=rtol * scale, equal_nan=True)


def same(found: Sequence[Tensor | None], wanted: Sequence[Tensor | None]) -> bool:
    """Whether results are as many and the same, up to rounding."""
    return len(found) == len(wanted) and all(map(close, found, wanted))


def _largest(*tensors: Tensor | None) -> float:
    sizes = [float(t.detach().abs().max()) for t in tensors if t is not None and t.numel()]
    return max(sizes, default=0.0)


def _same_gradients(found: Sequence[Tensor | None], wanted: Sequence[Tensor | None]) -> bool:
    """Whether gradients are the same, up to rounding of the largest of them.

    One may be nought but for rounding, as that of a bias before a normalization.
    """
    scale = _largest(*wanted)
    return all(close(f, w, scale) for f, w in zip(found, wanted, strict=True))


def _grads(
    of: Operands, values: list[Tensor], how: str
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Return results and gradients for gradients of the results that lie in memory in some way."""
    results = list(of.results(*values))
    flowing = differentiable(results)
    if not flowing:
        return results, []
    generator = torch.Generator().manual_seed(3)
    grads = []
    for result in flowing:
        grad = torch.randn(result.shape, generator=generator, dtype=_WIDE).to(result.dtype)
        grads.append(_strided(grad) if how == "strided" else grad)
    if how in ("ones", "expanded"):
        # What `result.sum().backward()` hands over: one number, shown at every place.
        one = [torch.ones((), dtype=result.dtype) for result in flowing]
        grads = [
            g.expand(r.shape) if how == "expanded" else g.expand(r.shape).contiguous()
            for g, r in zip(one, flowing, strict=True)
        ]
    return results, list(torch.autograd.grad(flowing, values, grads, allow_unused=True))


def _strided(tensor: Tensor) -> Tensor:
    """Return the same values with others in between, the last two dimensions in turn."""
    if tensor.dim() >= 2:
        tensor = tensor.transpose(-1, -2)
    spread = torch.stack([tensor, torch.full_like(tensor, float("nan"))], dim=-1)[..., 0]
    return spread.transpose(-1, -2) if tensor.dim() >= 2 else spread


def layouts(context: Context) -> Finding:
    """Compare results for inputs and gradients that lie in memory with gaps, and in other order."""
    if context.random:
        return not_applicable("the layer is random, so that results cannot be compared")
    of = context.subject.operands()
    values = list(of.values)
    plain, grads = _grads(of, values, "contiguous")
    gapped = [_strided(value.detach()).requires_grad_() for value in values[: of.inputs]]
    moved, moved_grads = _grads(of, gapped + values[of.inputs :], "contiguous")
    mend = (
        "pass arrays with their strides on, or make them contiguous first (tensor.contiguous(), "
        "numpy.ascontiguousarray)"
    )
    if not same(moved, plain):
        said = "an input that is not contiguous gives another result"
        return failed(said, context.line_of("forward"), mend)
    backward = context.line_of("backward")
    if not _same_gradients(moved_grads, grads):
        return failed("an input that is not contiguous gives another gradient", backward, mend)
    _, strided = _grads(of, values, "strided")
    if not _same_gradients(strided, grads):
        said = "a grad_output that is not contiguous gives another gradient"
        return failed(said, backward, mend)
    (_, ones), (_, expanded) = _grads(of, values, "ones"), _grads(of, values, "expanded")
    if not _same_gradients(expanded, ones):
        said = "a grad_output that is expanded, as sum() makes it, gives another gradient"
        return failed(said, backward, mend)
    return passed("the same result and gradient for every layout")


def untouched(context: Context) -> Finding:
    """Look whether inputs, parameters and gradients keep their values."""
    of = context.subject.operands()
    before = [value.detach().clone() for value in of.values]
    results = differentiable(of.results(*of.values))
    mend = "copy before writing: tensor.clone(), or an operation that returns a new array"
    for name, value, old in zip(of.names, of.values, before, strict=True):
        if not torch.equal(value.detach(), old):
            return failed(f"forward writes into {name}", context.line_of("forward"), mend)
    if not results:
        return passed("forward leaves its inputs as they are")
    grads = [torch.randn_like(result) for result in results]
    old_grads = [grad.clone() for grad in grads]
    torch.autograd.grad(results, of.values, grads, allow_unused=True)
    backward = context.line_of("backward")
    if not all(map(torch.equal, grads, old_grads)):
        return failed("backward writes into grad_output", backward, mend)
    for name, value, old in zip(of.names, of.values, before, strict=True):
        if not torch.equal(value.detach(), old):
            return failed(f"backward writes into {name}", backward, mend)
    return passed("inputs, parameters and grad_output keep their values")


def _narrowed(watched: Watched, method: str) -> tuple[Place, str] | None:
    """Return the line of a method that returned float32 in the midst of float64, and of what."""
    for place, dtypes in watched.returned[method].items():
        names = watched.argument_names if method == "backward" else []
        known = len(names) == len(dtypes)
        of = [names[n] if known else f"result {n}" for n, d in enumerate(dtypes) if d == _NARROW]
        if of:
            return place, ", ".join(of)
    return None


def _rounded(tensor: Tensor | None) -> bool:
    """Whether float64 numbers went through float32, so that they have digits of no more."""
    if tensor is None or tensor.dtype != _WIDE:
        return False
    numbers = tensor.detach()
    coarse = bool((numbers * _COARSE == (numbers * _COARSE).round()).all())
    return not coarse and bool((numbers == numbers.to(_NARROW).to(_WIDE)).all())


def dtypes(context: Context) -> Finding:
    """Look whether float32 stays float32, and float64 float64 with all of its digits."""
    if context.subject.dtype == _NARROW:
        narrow = context.subject.operands()
        for result in narrow.results(*narrow.values):
            if result.dtype == _WIDE:
                said = "float32 in, float64 out: twice the memory, and the next layer refuses it"
                mend = "return torch.as_tensor(result, dtype=input.dtype)"
                return failed(said, context.line_of("forward"), mend)
    of = context.subject.operands(_WIDE)
    results: list[Tensor] = []
    grads: list[Tensor | None] = []

    def run() -> None:
        found, found_grads = _grads(of, list(of.values), "contiguous")
        results.extend(found)
        grads.extend(found_grads)

    seen = watch(run)
    for result in results:
        if result.dtype == _NARROW:
            mend = "return torch.as_tensor(result, dtype=input.dtype)"
            returned = next(filter(None, (_narrowed(watched, "forward") for watched in seen)), None)
            place = returned[0] if returned is not None else _cast_in_forward(context, of)
            return failed("float64 in, float32 out", place, mend)
    mend = (
        "return each gradient in the dtype of what it belongs to: torch.as_tensor(gradient, "
        "dtype=input.dtype), without .float() or .to(torch.float)"
    )
    for watched in seen:
        narrowed = _narrowed(watched, "backward")
        if narrowed is not None:
            place, names = narrowed
            said = (
                f"backward casts the gradient of {names} to float32; torch casts it back, and half "
                "of the digits are lost"
            )
            return failed(said, place, mend)
    if any(map(_rounded, results)):
        said = "float64 results have the digits of float32: something casts on the way"
        place = _cast_in_forward(context, of)
        return failed(said, place, "compute in the dtype of the input")
    least = _NOUGHT * _largest(*grads)
    known = zip(of.names, grads, strict=False)
    lost = [name for name, grad in known if _largest(grad) > least and _rounded(grad)]
    if lost:
        said = f"the float64 gradient of {', '.join(lost)} has the digits of float32"
        return failed(said, context.line_of("backward"), mend)
    if not any(r.is_floating_point() or r.is_complex() for r in results):
        return not_applicable("the result is of no floating dtype")
    return passed("result and gradients keep the dtype, and its digits")


def _cast_in_forward(context: Context, of: Operands) -> Place | None:
    """Return the layer's line that casts in forward, else where the layer begins."""
    found = casts(lambda: of.results(*of.values))
    return found[0] if found else context.subject.place
