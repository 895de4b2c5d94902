"""The gate's workers measure under the settings of whoever calls the gate, and the file says so."""

import json
import shutil
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

_SEEN = """
import os
with open(os.environ["SEEN"], "a") as seen:
    print(os.environ.get("PYTHONMALLOC"), os.environ.get("NUMBA_OPT"), file=seen)
"""


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"PYTHONMALLOC": "malloc", "NUMBA_OPT": "2"}, "malloc 2"),
        pytest.param({}, "None None", marks=pytest.mark.slow),
    ],
)
def test_both_sides_see_the_callers_settings_and_no_other_path(
    gate, tmp_path, monkeypatch, settings, seen
) -> None:
    (gate.root / "benchmarks" / "seen.py").write_text(_SEEN)
    stranger = tmp_path / "stranger" / "fftconv"
    stranger.mkdir(parents=True)
    (stranger / "__init__.py").write_text("raise ImportError('of somebody else')")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    for name in ("PYTHONMALLOC", "NUMBA_OPT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(stranger.parent))
    file = tmp_path / "gate.json"
    done = gate("base", "slower", "--bench", "steady", "--budget", "20s", "--json", str(file))
    assert done.returncode in (0, 3), done.stderr
    lines = (tmp_path / "seen").read_text().splitlines()
    assert len(lines) >= 2
    assert set(lines) == {seen}
    assert json.loads(file.read_text())["settings"].items() >= settings.items()
    for name, value in settings.items():
        assert f"{name}={value}" in done.stdout


@pytest.mark.slow
def test_both_sides_find_the_modules_of_somebodys_methods(gate, tmp_path, monkeypatch) -> None:
    (gate.root / "examples").mkdir()
    (gate.root / "examples" / "unfold.py").write_text("# registers a method\n")
    shutil.copy(ROOT / "benchmarks" / "registered.py", gate.root / "benchmarks")
    seen = """
        import os, sys
        import fftconv
        from benchmarks import registered
        registered.names()
        print(sys.modules["examples.unfold"].__file__, file=open(os.environ["SEEN"], "a"))
    """
    seen = textwrap.dedent(seen)
    (gate.root / "benchmarks" / "seen.py").write_text(seen)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("FFTCONV_METHODS", "examples.unfold")
    file = tmp_path / "gate.json"
    done = gate("base", "slower", "--bench", "steady", "--budget", "20s", "--json", str(file))
    assert done.returncode in (0, 3), done.stderr
    places = set((tmp_path / "seen").read_text().splitlines())
    assert len(places) == 1  # one copy for both
    assert not places.pop().startswith(str(gate.root / "examples"))
    assert json.loads(file.read_text())["settings"]["FFTCONV_METHODS"] == "examples.unfold"
