"""A numba that is of no use: `auto` goes on, says why, and the methods that need it say so."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fftconv
from fftconv.machine_code import usable

#: What a process prints: what is not available, what a plan leaves out, and what `compiled` says.
SCRIPT = """
import sys, torch, fftconv
x, w = torch.randn(1, 1, 64, 64), torch.randn(1, 1, 3, 3)
expected = torch.nn.functional.conv2d(x, w)
for method in ["auto", *sys.argv[1:]]:
    y = fftconv.conv2d(x, w, method=method)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-4)
print(fftconv.methods()["compiled"].unavailable)
print(fftconv.plan((1, 1, 64, 64), (1, 1, 3, 3), needs_grad=True).excluded.get("compiled"))
try:
    y = fftconv.conv2d(x, w, method="compiled")
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-4)
    print(None)
except RuntimeError as error:
    print(error)
"""


def say(cache: Path, *methods: str, path: Path | None = None, **variables: str) -> str:
    """Run the script and return the one sentence that it says three times."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **variables}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, "-c", SCRIPT, *methods]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=cache)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 3
    assert len(set(said)) == 1
    return said[0]


def put_in_place_of_numba(folder: Path, line: str) -> None:
    (folder / "numba").mkdir()
    (folder / "numba" / "__init__.py").write_text(line)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "raise ImportError('Numba needs NumPy 2.5 or less\\nGot 2.6')",
            "which cannot be imported here: Numba needs NumPy 2.5 or less",
        ),
        ("raise SystemError", "which cannot be imported here: SystemError"),
        ("import llvmlite.nowhere", "which cannot be imported here: No module named"),
        ("import warnings; warnings.warn('old')", "which cannot be imported here: old"),
        ("raise ModuleNotFoundError(name='numba')", "which is not installed"),
    ],
    ids=["another numpy", "no message", "a part is missing", "a warning", "not installed"],
)
def test_the_obstacle_is_named(
    line: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place_of_numba(tmp_path, line)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    said = usable.obstacle.__wrapped__()
    assert said is not None
    assert said.startswith(f"needs numba, {sentence}")
    assert "\n" not in said


def test_a_compiler_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no such target\nand much more")

    monkeypatch.setattr("fftconv.machine_code.shift.shift", fail)
    said = usable.obstacle.__wrapped__()
    assert said == "needs numba, which cannot compile here: no such target"


def test_auto_goes_on_without_numba(tmp_path: Path) -> None:
    put_in_place_of_numba(tmp_path, "raise ImportError('Numba needs NumPy 2.5 or less')")
    said = say(tmp_path, "overlap_save", "fft", path=tmp_path)
    assert said.startswith("method 'compiled' needs numba, which cannot be imported here: Numba")


def test_auto_goes_on_where_numba_may_not_compile(tmp_path: Path) -> None:
    said = say(tmp_path, "overlap_save", NUMBA_DISABLE_JIT="1")
    assert said == "method 'compiled' needs numba to compile, which NUMBA_DISABLE_JIT forbids"


def test_other_settings_of_numba_and_no_sources(tmp_path: Path) -> None:
    package = tmp_path / "fftconv"
    shutil.copytree(Path(fftconv.__file__).parent, package)
    compileall.compile_dir(package, quiet=2, legacy=True)
    for source in package.rglob("*.py"):
        source.unlink()
    variables = {"NUMBA_CPU_NAME": "generic", "NUMBA_OPT": "1", "NUMBA_CACHE_DIR": os.devnull}
    assert say(tmp_path, path=tmp_path, **variables) == "None"
