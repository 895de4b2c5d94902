"""Variables that change a measurement: passed on to whoever measures, and recorded."""

import pytest

from benchmarks.settings import in_force, passed_on, written


@pytest.mark.parametrize(
    "name",
    [
        "NUMBA_OPT",
        "NUMBA_CPU_NAME",
        "FFTCONV_CALIBRATION",
        "OMP_NUM_THREADS",
        "KMP_AFFINITY",
        "MKL_NUM_THREADS",
        "GLIBC_TUNABLES",
        "LD_PRELOAD",
        "ONEDNN_MAX_CPU_ISA",
        "PYTORCH_TUNABLEOP_ENABLED",
        "TBB_NUM_THREADS",
        "NUMEXPR_MAX_THREADS",
        "PYTHONMALLOC",
    ],
)
def test_what_changes_a_time_is_passed_on_and_recorded(name) -> None:
    assert passed_on({name: "1", "HOME": "/home/a"}) == [name]
    assert in_force({name: "1", "HOME": "/home/a"}) == {name: "1"}


@pytest.mark.parametrize(
    "name",
    [
        "NUMBA_CACHE_DIR",
        "TORCHINDUCTOR_CACHE_DIR",
        "XDG_DATA_HOME",
        "FFTCONV_DEADLINE",
        "FFTCONV_TURNS",
        "FFTCONV_CELL_BUDGET_S",
    ],
)
def test_where_things_are_and_how_long_is_waited_is_passed_on_alone(name) -> None:
    assert passed_on({name: "1"}) == [name]
    assert in_force({name: "1"}) == {}


@pytest.mark.parametrize(("patience", "recorded"), [("0", True), ("5", False), ("no", True)])
def test_patience_is_recorded_where_each_moment_counts(patience, recorded) -> None:
    assert ("FFTCONV_PATIENCE_S" in in_force({"FFTCONV_PATIENCE_S": patience})) is recorded


def test_settings_are_written_in_one_order() -> None:
    assert written({"B": "2", "A": "1"}) == "A=1 B=2"
    assert written({}) == ""
