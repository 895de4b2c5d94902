"""The examples run, at a small size."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

import fftconv

EXAMPLES = Path(__file__).parent.parent / "examples"


def loaded(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_learn_blur(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="the [examples] extra (matplotlib) is not installed")
    picture = tmp_path / "blur.png"
    small = ["--side", "700", "--filter", "7", "--steps", "25", "--sharpen", "1"]
    error = loaded("learn_blur").main([*small, "--output", str(picture)])
    assert error < 0.02
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert ("peak memory " in printed) != ("no new peak of memory" in printed)
    assert str(tmp_path) not in printed


def test_recover_psf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("skimage", reason="the [examples] extra (scikit-image) is not installed")
    pytest.importorskip("matplotlib", reason="the [examples] extra (matplotlib) is not installed")
    example = loaded("recover_psf")
    picture = tmp_path / "filters.png"
    small = ["--image", "128", "--filter", "11", "--steps", "200", "--native-steps", "2"]
    error = example.main([*small, "--output", str(picture)])
    assert error < 0.1
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "a step takes" in printed
    assert str(tmp_path) not in printed


def test_vgg16_is_converted_and_prints_both_times(capsys: pytest.CaptureFixture[str]) -> None:
    example = loaded("vgg16")
    model = example.vgg16()
    assert sum(p.numel() for p in model.parameters()) == 138_357_544  # as published
    small = example.vgg16(classes=10, width=4)
    assert small(torch.randn(1, 3, 64, 64)).shape == (1, 10)
    example.main(["--size", "64", "--width", "4"])
    out = capsys.readouterr().out
    assert "torch.nn.Conv2d" in out
    assert "fftconv.convert" in out
    assert sum(isinstance(m, fftconv.Conv2d) for m in small.modules()) == 0


def test_networks_are_surveyed_and_converted(capsys: pytest.CaptureFixture[str]) -> None:
    example = loaded("networks")
    assert sum(p.numel() for p in example.resnet50().parameters()) == 25_557_032  # as published
    x = torch.randn(1, 3, 64, 64)
    assert example.resnet50(width=4)(x).shape == (1, 1000)
    assert example.UNet(width=4)(x).shape == (1, 2, 64, 64)
    example.main(["--size", "32", "--width", "4"])
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line in ("VGG-16", "ResNet-50", "U-Net")] == [
        *("VGG-16", "ResNet-50", "U-Net")
    ]
    assert out.count("converted: ") == 3


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("vgg16", ["--size", "16"], "--size must be at least 32"),
        ("vgg16", ["--width", "0"], "--width at least 1"),
        ("networks", ["--size", "40"], "--size must be a multiple of 16"),
        ("recover_psf", ["--image", "32", "--filter", "31"], "from 2 to --image - 2"),
        ("recover_psf", ["--image", "600"], "--image at most 512"),
        ("recover_psf", ["--steps", "0"], "must be at least 1"),
        ("learn_blur", ["--filter", "4"], "--filter must be odd"),
        ("learn_blur", ["--side", "8", "--filter", "9"], "from 1 to --side"),
        ("learn_blur", ["--sharpen", "-1"], "--sharpen at least 0"),
        ("learn_blur", ["--output", "nowhere/blur.png"], "in a folder that exists"),
    ],
)
def test_misuse_is_one_line(
    name: str, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "recover_psf":
        pytest.importorskip("skimage", reason="the [examples] extra (scikit-image) is missing")
    with pytest.raises(SystemExit) as ended:
        loaded(name).main(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err.splitlines()[-1]
