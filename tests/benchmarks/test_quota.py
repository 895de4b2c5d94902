"""A quota of processor time below the visible cores: read from both kinds of control groups."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import quota


def group(root: Path, line: str, files: dict[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("line", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/host/name\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a\n", {"unified/a/cpu.max": "300000 100000\n"}, 3.0),
        (
            "4:memory:/x\n1:cpu,cpuacct:/d\n0::/\n",
            {
                "cpu,cpuacct/d/cpu.cfs_quota_us": "-1\n",
                "cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        (
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "10000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            0.1,
        ),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
        ("0::/\n", {}, None),
    ],
)
def test_the_smallest_quota_on_the_way_up_counts(tmp_path, line, files, cores) -> None:
    root = group(tmp_path, line, files)
    assert quota.cores_allowed(root) == cores
    assert quota.limited(8, root) == (8 if cores is None else max(1, int(cores)))
    assert quota.limited(1, root) == 1


def test_a_machine_without_control_groups_has_no_quota(tmp_path) -> None:
    assert quota.cores_allowed(tmp_path) is None
    assert quota.periods_throttled(tmp_path) == 0


@pytest.mark.parametrize(
    ("line", "file"), [("0::/a\n", "a/cpu.stat"), ("1:cpu:/a\n", "cpu/a/cpu.stat")]
)
def test_periods_without_time_are_counted(tmp_path, line, file) -> None:
    root = group(tmp_path, line, {file: "nr_periods 9\nnr_throttled 4\nthrottled_usec 12\n"})
    assert quota.periods_throttled(root) == 4


@pytest.mark.parametrize(("asked", "threads"), [("", "1"), ("2", "2")])
def test_torch_keeps_to_the_quota_unless_it_is_told_otherwise(asked, threads) -> None:
    code = (
        "import torch; torch.set_num_threads(2)\n"
        "from benchmarks import quota\n"
        "quota.cores_allowed = lambda root: 1.9\n"
        "import benchmarks.threads as t; t.keep_to_quota(); print(torch.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"OMP_NUM_THREADS": asked, "PATH": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [threads]
