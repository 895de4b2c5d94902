"""Methods that installed packages bring, or that the environment names."""

import subprocess
import sys
from pathlib import Path

import pytest

import fftconv
from fftconv.methods import loading, registry
from fftconv.methods.native.method import Native

ROOT = Path(__file__).parents[2]


PACKAGE = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "somebodys"
version = "1.0"
[project.entry-points."fftconv.methods"]
unfold = "somebodys.unfold:Unfold"
broken = "somebodys.missing:Method"
other = "somebodys.unfold:F"
[tool.setuptools]
packages = ["somebodys"]
""",
    "somebodys/__init__.py": "",
}


SCRIPT = """
import warnings
import torch
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {first}
    import fftconv
    layer = fftconv.Conv2d(1, 1, 3, method="unfold")
    assert "unfold" in fftconv.methods()
x = torch.randn(1, 1, 8, 8)
torch.testing.assert_close(layer(x), torch.nn.functional.conv2d(x, layer.weight, layer.bias))
print(*sorted(str(warning.message) for warning in caught), sep="\\n")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for name, text in PACKAGE.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)
    text = (ROOT / "examples" / "unfold.py").read_text()
    (source / "somebodys" / "unfold.py").write_text(text)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(target), str(source)], check=True
    )
    return target


@pytest.mark.parametrize(
    "first", [pytest.param("pass", marks=pytest.mark.slow), "import somebodys.unfold"]
)
def test_an_installed_package_registers_by_its_entry_point(installed, first) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=first)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{installed}:{ROOT}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "fftconv ignores the entry point 'broken': ModuleNotFoundError: "
        "No module named 'somebodys.missing'",
        "fftconv ignores the entry point 'other': somebodys.unfold:F is no fftconv.Method",
    ]


def test_the_environment_names_modules(installed, monkeypatch, registered) -> None:
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setattr(registry, "_loaded", False)
    monkeypatch.setattr(loading, "entry_points", lambda group: ())
    monkeypatch.setenv("FFTCONV_METHODS", "somebodys.unfold, ")
    assert "unfold" in fftconv.methods()
    monkeypatch.setattr(registry, "_loaded", False)
    monkeypatch.setenv("FFTCONV_METHODS", "somebodys.nothing")
    with pytest.raises(ImportError, match=r"somebodys\.nothing"):
        fftconv.methods()


def test_a_module_may_ask_for_the_methods_while_it_is_loaded(
    tmp_path, monkeypatch, registered
) -> None:
    (tmp_path / "asks_for_methods.py").write_text(
        "import fftconv\n"
        "assert 'native' in fftconv.methods()\n"
        "fftconv.plan((1, 1, 8, 8), (1, 1, 3, 3))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_loaded", False)
    monkeypatch.setenv("FFTCONV_METHODS", "asks_for_methods")
    assert "native" in fftconv.methods()
    assert registry._loaded


class Another(Native):
    """A method of somebody else's, by a name that there is."""


def test_an_entry_point_whose_name_is_taken_is_a_warning(monkeypatch, registered) -> None:
    monkeypatch.setattr(registry, "_loaded", False)
    monkeypatch.setattr(registry, "installed", lambda: iter([Another()]))
    with pytest.warns(UserWarning, match="ignores an entry point: there is a method 'native'"):
        fftconv.methods()
