"""The examples run, at a small size."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def loaded(name: str) -> ModuleType:
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
    assert "peak memory" in capsys.readouterr().out


def test_recover_psf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("skimage", reason="the [examples] extra (scikit-image) is not installed")
    pytest.importorskip("matplotlib", reason="the [examples] extra (matplotlib) is not installed")
    example = loaded("recover_psf")
    picture = tmp_path / "filters.png"
    small = ["--image", "128", "--filter", "11", "--steps", "200", "--native-steps", "2"]
    error = example.main([*small, "--output", str(picture)])
    assert error < 0.1
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "a step takes" in capsys.readouterr().out
