"""What is kept between calls depends on all that the answer depends on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv
from fftconv import _case
from fftconv.calibration import machine
from fftconv.geometry import Geometry
from fftconv.methods import registry
from fftconv.methods.maps import Maps
from fftconv.methods.native.method import Native, NativeMaps

# No other test has a call of these sizes.
X, W = torch.randn(1, 1, 141, 142), torch.randn(1, 1, 6, 5)


def methods_run(call: Any) -> set[str]:
    """Return which methods a call of conv2d goes to, by what a profile shows of each."""
    with torch.profiler.profile(with_stack=False) as profile:
        call()
    return {event.key for event in profile.key_averages()}


def calibration(path: Path, **calls: Any) -> None:
    """Write a calibration in which some methods' calls take so many seconds."""
    data = json.loads(machine.msgspec.json.encode(machine.defaults()))
    path.write_text(json.dumps({**data, "processor": machine.processor(), **calls}))


#: Seconds of oneDNN's calls that leave native without a chance.
SLOW = {"forward": 100.0, "gradient": 100.0}


def planned() -> str:
    return fftconv.plan(X.shape, W.shape).method


def served() -> bool:
    """Whether conv2d goes to torch's own convolution."""
    return "aten::conv2d" in methods_run(lambda: fftconv.conv2d(X, W))


def test_a_seen_call_is_not_prepared_again() -> None:
    fftconv.conv2d(X, W)
    first = _case.find(X, W, None, 1, 0, 1, 1, "auto")
    assert _case.find(X.clone(), W.clone(), None, 1, 0, 1, 1, "auto") is first
    # Other ways to write the same call find the same maps.
    assert _case.find(X, W, None, (1, 1), "valid", 1, 1, "auto") is first


def test_another_number_of_threads_is_another_plan() -> None:
    seen = {}
    for threads in (1, 2, 1):
        torch.set_num_threads(threads)
        plan = fftconv.plan(X.shape, W.shape)
        assert plan.threads == threads
        fftconv.conv2d(X, W)
        seen.setdefault(threads, []).append(_case.find(X, W, None, 1, 0, 1, 1, "auto"))
    assert seen[1][0] is seen[1][1]
    assert seen[1][0] is not seen[2][0]


def test_another_calibration_is_another_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    calibration(first, onednn_call=SLOW)
    calibration(second, compiled_call=100.0, fft_call=100.0)
    assert planned() != "native"
    monkeypatch.setenv(machine.FILE_VARIABLE, str(first))
    assert planned() != "native"
    assert not served()
    monkeypatch.setenv(machine.FILE_VARIABLE, str(second))
    assert served()
    assert planned() == "native"
    calibration(second, onednn_call=SLOW)
    assert planned() != "native"
    assert not served()
    monkeypatch.delenv(machine.FILE_VARIABLE)
    assert planned() != "native"


def test_a_saved_calibration_is_used_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "calibration.json"
    calibration(path, onednn_call=SLOW)
    monkeypatch.setenv(machine.FILE_VARIABLE, str(path))
    assert not served()
    assert not served()
    calibration(tmp_path / "other.json", compiled_call=100.0, fft_call=100.0)
    machine.save(machine.read(tmp_path / "other.json"), path)
    assert served()


class Counted(NativeMaps):
    calls = 0

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        Counted.calls += 1
        return super().forward(x, w, bias)


class Other(Native):
    name = "direct"

    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        return Counted(geometry)


def test_a_method_that_is_registered_serves_at_once() -> None:
    fftconv.conv2d(X, W, method="direct")
    before = registry.REGISTRY["direct"]
    registry.put(Other())
    try:
        fftconv.conv2d(X, W, method="direct")
        assert Counted.calls == 1
    finally:
        registry.put(before)
    fftconv.conv2d(X, W, method="direct")
    assert Counted.calls == 1


def test_a_method_that_is_gone_is_named() -> None:
    gone = Other()
    gone.name = "gone"
    registry.put(gone)
    try:
        torch.testing.assert_close(fftconv.conv2d(X, W, method="gone"), F.conv2d(X, W))
        assert "gone" in fftconv.methods()
    finally:
        registry.unregister("gone")
    with pytest.raises(ValueError, match="'gone'"):
        fftconv.conv2d(X, W, method="gone")


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_case, "CASES_KEPT", 8)
    monkeypatch.setattr(_case, "_cases", {})
    for size in range(20, 40):
        fftconv.conv2d(torch.zeros(1, 1, size, 9), W, method="native")
        assert len(_case._cases) <= 8
    assert _case._cases


FORMS: dict[str, tuple[Any, Any]] = {
    "list": ([2, 1], (2, 1)),
    "list of one": ([2], 2),
    "torch.Size": (torch.Size([2, 1]), (2, 1)),
    "numpy integer": (np.int64(2), 2),
    "numpy integers": ((np.int32(2), np.int8(1)), (2, 1)),
    "tensor": (torch.tensor(2), 2),
    "tensors": ([torch.tensor(2), torch.tensor(1)], (2, 1)),
}


@pytest.mark.parametrize("argument", ["stride", "padding", "dilation"])
@pytest.mark.parametrize("form", FORMS)
def test_conv2d_and_plan_read_numbers_as_torch_does(form: str, argument: str) -> None:
    given, plain = FORMS[form]
    wanted = F.conv2d(X, W, **{argument: plain})
    if form != "tensor":  # which torch 2.9 does not take
        torch.testing.assert_close(F.conv2d(X, W, **{argument: given}), wanted)
    for _ in range(2):
        got = fftconv.conv2d(X, W, **{argument: given}, method="compiled")
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)
        plan = fftconv.plan(X.shape, W.shape, **{argument: given})
        assert plan is fftconv.plan(list(X.shape), np.array(W.shape), **{argument: plain})


@pytest.mark.parametrize("groups", [np.int64(1), torch.tensor(1)])
def test_groups_may_be_any_whole_number(groups: Any) -> None:
    torch.testing.assert_close(fftconv.conv2d(X, W, groups=groups), fftconv.conv2d(X, W))
    assert fftconv.plan(X.shape, W.shape, groups=groups) is fftconv.plan(X.shape, W.shape)


@pytest.mark.parametrize("argument", ["stride", "padding", "dilation", "groups"])
@pytest.mark.parametrize("given", [True, 1.0, (True, 1), (1.0, 1), np.True_, torch.tensor(1.0)])
def test_what_equals_one_is_refused_though_one_was_seen(argument: str, given: Any) -> None:
    for seen in (1, (1, 1)):
        if argument != "groups" or seen == 1:
            fftconv.conv2d(X, W, **{argument: seen}, method="compiled")
            fftconv.plan(X.shape, W.shape, **{argument: seen})
    for _ in range(2):
        with pytest.raises(TypeError, match=argument):
            F.conv2d(X, W, **{argument: given})
        with pytest.raises(TypeError, match=argument):
            fftconv.conv2d(X, W, **{argument: given}, method="compiled")
        with pytest.raises(TypeError, match=argument):
            fftconv.plan(X.shape, W.shape, **{argument: given})


def test_a_single_image_is_planned_as_a_batch_of_one() -> None:
    assert fftconv.plan((1, 141, 142), W.shape) is fftconv.plan(X.shape, W.shape)
    with pytest.raises(RuntimeError, match="input must have 4 dimensions"):
        fftconv.plan((141, 142), W.shape)
    with pytest.raises(RuntimeError, match="weight must have 4 dimensions"):
        fftconv.plan(X.shape, (6, 5))
    with pytest.raises(TypeError, match="every size in the input's shape"):
        fftconv.plan((1, 1, 141.0, 142), W.shape)  # type: ignore[arg-type]
