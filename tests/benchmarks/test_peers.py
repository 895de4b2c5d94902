import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

import fftconv
from benchmarks import anywhere, dense, network_cases, peak, peers, study, targets
from benchmarks.network_cases import Conv


@pytest.mark.parametrize("peer", list(peers.PACKAGES))
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")  # fft-conv-pytorch
def test_every_peer_computes_the_same(peer: str) -> None:
    reason = peers.skip_reason(peer, 24, 5)
    if reason is not None:
        pytest.skip(reason)
    x, w = peers._operands(24, 5)
    wanted = correlate2d(x.double().numpy(), w.double().numpy(), mode="valid")
    got = np.asarray(peers.forward_call(peer, 24, 5)())
    np.testing.assert_allclose(got.reshape(wanted.shape), wanted, atol=2e-4)


def test_a_missing_peer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[[str], object] = lambda name: None if name == "cv2" else find_spec(name)  # noqa: E731
    monkeypatch.setattr(peers, "find_spec", find)
    reason = peers.skip_reason("opencv", 64, 3)
    assert reason == "opencv is skipped: cv2 is not installed; pip install -e '.[peers]' does that."
    assert peers.skip_reason("torch", 64, 3) is None
    with pytest.raises(NotImplementedError, match="cv2 is not installed"):
        peers.Peers().setup("opencv", 64, 3)


def test_long_cells_are_skipped() -> None:
    assert "about" in (peers.skip_reason("correlate2d", 2048, 63) or "")
    assert peers.skip_reason("fftconvolve", 2048, 63) is None


def test_sides_take_turns() -> None:
    order: list[str] = []
    best = study.side_by_side(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3, sample_s=0.0
    )
    assert order[:2] == ["a", "b"]
    assert order[2:].count("a") == order[2:].count("b") == 6
    assert set(best) == {"a", "b"}


@pytest.mark.skipif(peak.unavailable() is not None, reason=str(peak.unavailable()))
def test_peak_is_what_a_call_needs() -> None:
    size = 64 << 20
    extra = peak.extra_bytes(lambda: torch.ones(size // 4).sum())
    assert 0.9 * size < extra < 1.2 * size


def test_what_is_drawn_is_a_case_and_the_same_again() -> None:
    cases = list(anywhere.drawn(50, seed=3))
    assert cases == list(anywhere.drawn(50, seed=3)) != list(anywhere.drawn(50, seed=4))
    for x_shape, w_shape, groups, padding in cases:
        plan = fftconv.plan(x_shape, w_shape, padding=padding, groups=groups)
        assert plan.geometry.macs < anywhere.MOST_MACS
    assert len({padding > 0 for *_, padding in cases}) == 2


def test_targets_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every section on the smallest image, with one CNN shape, a dense layer, small networks."""
    first = next(iter(study.CNN))
    monkeypatch.setattr(study, "CNN", {first: ((1, 3, 20, 20), (3, 1, 3, 3), 3)})
    monkeypatch.setattr(dense, "LAYERS", {"1x64x8": ((1, 64, 8, 8), 64)})
    monkeypatch.setattr(dense, "FILTERS", (3,))
    tiny = {"VGG-16": (Conv(3, 8, 16),), "RepLKNet-31B": (Conv(8, 8, 16, groups=8),)}
    monkeypatch.setattr(network_cases, "NETWORKS", tiny)
    monkeypatch.setattr(anywhere, "COUNT", 2)
    monkeypatch.setattr(anywhere, "MOST_MACS", 1e6)
    monkeypatch.setattr(peers, "TRAINABLE", ("auto", "torch"))
    monkeypatch.setattr(
        peers, "PACKAGES", {"auto": "fftconv", "torch": "torch", "fftconvolve": "scipy"}
    )
    output = tmp_path / "targets.json"
    arguments = ["--sizes", "32", "--output", str(output)]
    monkeypatch.setattr("sys.argv", ["targets", *arguments])
    targets.main()
    printed = capsys.readouterr().out
    for word in ("forward: best peer / auto", "regret of auto", "memory: worst", "accuracy: worst"):
        assert word in printed
    for direction in ("forward", "training"):
        assert f"anywhere {direction}: regret of auto: geometric mean" in printed
        assert f"dense {direction}: best of native / auto: geometric mean" in printed
        assert f"networks {direction}: native / auto: VGG-16" in printed
    found = json.loads(output.read_text())
    assert {row["size"] for row in found["forward"]} == {32}
