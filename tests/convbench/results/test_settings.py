"""What was measured under other settings is another experiment, and never read as this one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.results import Results
from asv.runner import BenchmarkResult

from convbench.results.store import StoreError, find_run, runs

NAME = "conv2d.Forward.time_forward"
FACTS = {"machine": "m", "cpu": "A processor", "num_cpu": "2", "version": 1}


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Callable[..., None], Config, Benchmarks]:
    """Return a function that enters a result under some settings, asv's configuration and books."""
    conf = Config.from_json(
        {"version": 1, "project": "p", "repo": ".", "results_dir": str(tmp_path / "results")}
    )
    known = {"name": NAME, "type": "time", "unit": "seconds", "code": "", "version": "1"}
    benchmarks = Benchmarks(conf, [known | {"param_names": [], "params": []}])
    (tmp_path / "results/m").mkdir(parents=True)
    (tmp_path / "results/m/machine.json").write_text(json.dumps(FACTS))

    def enter(commit: str, value: float, settings: dict[str, str]) -> None:
        name = "env" + "".join(f"-{key}{text}" for key, text in settings.items())
        results = Results(FACTS, {}, commit, 1_700_000_000_000, "3.11", name, settings)
        result = BenchmarkResult([value], [[value] * 3], [None], 0, "", None)
        results.add_result(benchmarks[NAME], result, record_samples=True)
        results.save(str(tmp_path / "results"))

    return enter, conf, benchmarks


@pytest.mark.parametrize("setting", [None, "2", "3"])
def test_runs_are_those_under_the_settings_in_force(stored, setting, monkeypatch) -> None:
    enter, conf, benchmarks = stored
    enter("a" * 40, 1.0, {})
    enter("a" * 40, 2.0, {"NUMBA_OPT": "2"})
    enter("a" * 40, 3.0, {"NUMBA_OPT": "3"})
    if setting is not None:
        monkeypatch.setenv("NUMBA_OPT", setting)
    (run,) = runs(conf, benchmarks, "m")
    assert [record.value for record in run.records] == [float(setting or 1)]
    assert run.settings == ({} if setting is None else {"NUMBA_OPT": setting})


def test_a_machine_with_results_under_other_settings_alone_says_under_which(stored) -> None:
    enter, conf, benchmarks = stored
    enter("b" * 40, 2.0, {"FFTCONV_CALIBRATION": "mine.json"})
    with pytest.raises(StoreError, match=r"^m has results under other settings only; "):
        find_run(conf, benchmarks, "m", None)
    with pytest.raises(StoreError, match=r"`FFTCONV_CALIBRATION=mine\.json`"):
        find_run(conf, benchmarks, "m", "bbb")


def test_what_asvs_configuration_names_itself_is_no_setting_of_the_caller(stored) -> None:
    enter, conf, benchmarks = stored
    conf.matrix = {"env": {"OMP_NUM_THREADS": ["1", "2"]}}
    enter("c" * 40, 1.0, {"OMP_NUM_THREADS": "1"})
    assert len(runs(conf, benchmarks, "m")) == 1
