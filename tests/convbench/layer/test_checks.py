"""A layer that breaks in each check is found in it, at its line; one that is right passes."""

import pytest
import torch

from convbench.layer.checks import threads
from convbench.layer.checks.registry import CHECKS
from convbench.layer.finding import Outcome

from .conftest import CORRECT

PLAIN = """
    def layer(x):
        return x * 2 + 1
"""
FUNCTION = """
    import numpy as np
    import torch
    from torch.autograd import Function

    class Own(Function):
        @staticmethod
        def forward(x):
            {forward}

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad_output):
            x, = ctx.saved_tensors
            {backward}

    def layer(x):
        return Own.apply(x)
"""
SQUARE = ("return x * x", "return 2 * x * grad_output")


def function(forward: str = SQUARE[0], backward: str = SQUARE[1]) -> str:
    return FUNCTION.format(forward=forward, backward=backward)


def layer(*lines: str) -> str:
    body = "\n".join(f"        {line}" for line in lines)
    return f"    import threading\n    import torch\n\n    def layer(x):\n{body}\n"


BROKEN = {
    "wrong gradient": (
        "gradcheck",
        function(backward="return 3 * x * grad_output"),
        "def backward",
    ),
    "no gradient": (
        "gradcheck",
        layer("return torch.from_numpy(x.detach().numpy() ** 2)"),
        "def layer",
    ),
    "gradient that raises": ("gradcheck", function(backward="return 1 / 0"), "return 1 / 0"),
    "gradient of another shape": (
        "gradcheck",
        function(backward="return grad_output[:1]"),
        "def layer(x)|return Own.apply|def backward|def forward",
    ),
    "second derivative that is wrong": (
        "gradgradcheck",
        function(backward="return 2 * x.detach() * grad_output"),
        "def backward",
    ),
    "second derivative that is silently nought": (
        "once_differentiable",
        function(
            backward="return torch.from_numpy(2 * x.detach().numpy()"
            " * grad_output.detach().numpy())"
        ),
        "def backward",
    ),
    "float64 from float32": ("dtype", layer("return x.double()"), "def layer"),
    "float32 from float64": ("dtype", function("return (x * x).float()"), "return (x * x).float()"),
    "digits of float32": (
        "dtype",
        layer("y = x.float()", "return (y * 2).to(x.dtype)"),
        "y = x.float()",
    ),
    "float32 from float64 past its Function": (
        "dtype",
        function().replace("return Own.apply(x)", "return Own.apply(x).to(torch.float32)"),
        "return Own.apply(x).to(torch.float32)",
    ),
    "gradient with digits of float32": (
        "dtype",
        function(backward="return (2 * x * grad_output).float().double()"),
        "def backward",
    ),
    "gradient in float32": (
        "dtype",
        function(backward="return (2 * x * grad_output).float()"),
        "return (2 * x * grad_output).float()",
    ),
    "float64 refused": ("dtype", layer("assert x.dtype == torch.float32", "return x"), "assert"),
    "memory read as it lies": (
        "layout",
        function("return torch.from_numpy(x.numpy().ravel('K') ** 2).reshape(x.shape)"),
        "def forward",
    ),
    "gradient read as it lies": (
        "layout",
        function(
            "return x * x",
            "g = torch.as_strided(grad_output, x.shape, x.stride()); return 2 * x * g",
        ),
        "def backward|g = torch.as_strided",
    ),
    "strides refused": ("layout", layer("return x.view(-1)"), "return x.view(-1)"),
    "input overwritten": ("in place", layer("x.data.mul_(2)", "return x * 1"), "def layer"),
    "gradient overwritten": (
        "in place",
        function(backward="return grad_output.mul_(2).mul_(x)"),
        "def backward",
    ),
    "forward of the older style": (
        "Function",
        """
        from torch.autograd import Function

        class Own(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, grad_output):
                return grad_output * 2

        layer = Own
        """,
        "def forward(ctx, x):",
    ),
    "graph break": (
        "torch.compile",
        layer("scale = x.sum().item()", "return x * scale"),
        ".item()",
    ),
    "value that decides": (
        "vmap",
        layer("if x.sum() > 0:", "    return x", "return -x"),
        "if x.sum() > 0:",
    ),
    "function without a rule of vmap": ("vmap", function(), "return Own.apply(x)"),
    "main thread only": (
        "threads",
        layer(
            "if threading.current_thread() is not threading.main_thread():",
            "    raise RuntimeError('not here')",
            "return x * 2",
        ),
        "raise RuntimeError('not here')",
    ),
    "state that threads share": (
        "threads",
        """
        import time
        import torch

        kept = {}

        def layer(x):
            kept["x"] = x
            time.sleep(0.002)
            return kept["x"] * 2
        """,
        "def layer",
    ),
    "lock that cannot be pickled": (
        "pickle",
        """
        import threading
        import torch

        class Locked(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.lock = threading.Lock()

            def forward(self, x):
                return x * 2

        layer = Locked
        """,
        "def forward(self, x):",
    ),
    "lambda": ("pickle", "    layer = lambda x: x * 2\n", "layer = lambda"),
    "an end of the process": (
        "gradcheck",
        layer("if x.dtype == torch.float64:", "    raise SystemExit(4)", "return x"),
        "raise SystemExit(4)",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_is_found_at_its_line(name, asked) -> None:
    check, code, line = BROKEN[name]
    found = asked(check, code)
    assert found.outcome is Outcome.FAIL, found.said
    assert found.check == check
    assert found.place is not None
    assert any(part in found.place.code for part in line.split("|")), found
    assert found.said
    assert found.mend


def test_each_check_has_a_layer_that_breaks_in_it() -> None:
    assert {check for check, _, _ in BROKEN.values()} == {check.name for check in CHECKS}


@pytest.mark.parametrize("check", [check.name for check in CHECKS])
@pytest.mark.parametrize("code", [PLAIN, f"{CORRECT}\n    layer = Layer\n"], ids=["plain", "own"])
def test_what_is_right_passes(check, code, asked) -> None:
    found = asked(check, code)
    assert found.outcome in (Outcome.PASS, Outcome.NONE), found.said


@pytest.mark.parametrize(
    "code",
    [
        layer("return torch.relu(x).sum(-1)"),
        layer("return x.sign()"),
        layer("return x.round()"),
        layer("return x.argmax(-1)"),
        layer("return torch.fft.rfft2(x)"),
        layer("return {'a': x * 2, 'b': [x.sum(), x.argmax()]}"),
        layer("return torch.nn.functional.dropout(x)"),
    ],
    ids=["relu", "sign", "round", "argmax", "complex", "nested", "dropout"],
)
@pytest.mark.parametrize("check", ["gradcheck", "gradgradcheck", "dtype", "layout", "in place"])
def test_what_torch_itself_does_is_no_fault(check, code, asked) -> None:
    found = asked(check, code)
    assert found.outcome in (Outcome.PASS, Outcome.NONE), found.said


def test_a_large_image_is_checked_without_its_jacobian(asked) -> None:
    found = asked("gradcheck", function(backward="return 3 * x * grad_output"), (300, 300))
    assert found.outcome is Outcome.FAIL  # the Jacobian would have 65 GB


def test_what_sleeps_gives_the_lock_back(asked) -> None:
    code = "    import time\n\n    def layer(x):\n        time.sleep(0.01)\n        return x * 2\n"
    assert asked("threads", code).outcome is Outcome.PASS


def test_what_loops_in_python_is_never_said_to_give_the_lock_back(asked) -> None:
    # Long enough for a verdict on a machine on which 20,000 rounds take 200 us.
    code = layer("for _ in range(500_000):", "    pass", "return x * 2")
    found = asked("threads", code)
    assert found.outcome in (Outcome.FAIL, Outcome.UNSURE)
    if found.outcome is Outcome.FAIL:
        assert "holds the interpreter's lock" in found.said


def test_threads_that_wait_for_each_other_are_not_waited_for(asked, monkeypatch) -> None:
    monkeypatch.setattr(threads, "_PATIENCE_S", 0.2)
    code = layer(
        "if threading.current_thread() is not threading.main_thread():",
        "    threading.Event().wait(5)",  # for longer than a busy machine's patience
        "return x * 2",
    )
    found = asked("threads", code)
    assert found.outcome is Outcome.FAIL
    said, _, patience = found.said.removesuffix(" s").rpartition(" ")
    assert said == "two threads were not done after"
    assert 0.2 <= float(patience) < 5


def test_a_function_that_torch_func_goes_past_may_be_of_the_older_style(asked) -> None:
    older = """
    import torch

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad_output):
            return 2 * grad_output

    def layer(x):
        return 2 * x if torch._C._are_functorch_transforms_active() else Own.apply(x)
"""
    for check in ("Function", "vmap"):
        found = asked(check, older, (6, 6))
        assert found.outcome is Outcome.PASS, found.said


def test_our_own_layer_has_no_function_that_torch_func_could_refuse(asked) -> None:
    code = "    import fftconv\n\n    layer = fftconv.Conv2d(1, 1, 3)\n"
    assert asked("Function", code, (1, 1, 6, 6)).outcome is Outcome.NONE
    assert asked("vmap", code, (1, 1, 6, 6)).outcome is Outcome.PASS


def test_float64_is_a_dtype_to_ask_for(asked) -> None:
    found = asked("dtype", layer("return (x.float() * 2).to(x.dtype)"), dtype=torch.float64)
    assert found.outcome is Outcome.FAIL
