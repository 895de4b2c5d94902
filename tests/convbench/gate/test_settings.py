"""The gate's workers measure under the settings of whoever calls the gate, and the file says so."""

import json

import pytest

_SEEN = """
import os
with open(os.environ["SEEN"], "a") as seen:
    print(os.environ.get("PYTHONMALLOC"), os.environ.get("NUMBA_OPT"), file=seen)
"""


@pytest.mark.parametrize(
    ("settings", "seen"),
    [({"PYTHONMALLOC": "malloc", "NUMBA_OPT": "2"}, "malloc 2"), ({}, "None None")],
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
