"""Which hosts are one machine, and under which name."""

import json
from pathlib import Path

import pytest

from convbench.command_line.failure import MisuseError
from convbench.results.store import load_config
from convbench.sweep import hosts
from convbench.sweep.hosts import Seen, kinds

GIB = 2**30


def seen(host: str, cpu: str = "EPYC", cores: int = 2, ram: int = 8 * GIB, name: str = "") -> Seen:
    facts = {"arch": "x86_64", "cpu": cpu, "num_cpu": str(cores), "ram": str(ram)}
    return Seen(host, {**facts, "machine": name or host})


@pytest.fixture(autouse=True)
def clone(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asv.conf.json").write_text('{"version": 1, "repo": ".", "results_dir": "results"}')
    monkeypatch.setattr(hosts, "machine_name", lambda wanted: wanted)
    return tmp_path


def measured(clone: Path, name: str, **facts: str) -> None:
    folder = clone / "results" / name
    folder.mkdir(parents=True)
    (folder / "machine.json").write_text(json.dumps({"version": 1, "machine": name, **facts}))


def names(found: list[hosts.Kind]) -> dict[str, tuple[str, ...]]:
    return {kind.machine: kind.hosts for kind in found}


def test_the_same_processor_cores_and_memory_are_one_machine(clone) -> None:
    alike = [seen("b"), seen("a", ram=8 * GIB - 10**8), seen("a")]
    others = [seen("c", cpu="Xeon"), seen("d", cores=4), seen("e", ram=16 * GIB)]
    found = names(kinds([*alike, *others], None, load_config()))
    assert found == {"a": ("a", "b"), "c": ("c",), "d": ("d",), "e": ("e",)}


def test_a_machine_has_the_name_of_its_results(clone) -> None:
    measured(clone, "zen", arch="x86_64", cpu="EPYC", num_cpu="2", ram=str(8 * GIB))
    assert names(kinds([seen("node")], None, load_config())) == {"zen": ("node",)}
    # What asv's books on a host say counts, however its results describe it.
    measured(clone, "mine", cpu="EPYC (Zen 3)", num_cpu="2", ram="8 GiB")
    assert names(kinds([seen("node", name="mine")], None, load_config())) == {"mine": ("node",)}


def test_a_name_is_of_one_kind_alone(clone) -> None:
    pair = [seen("a", name="vm"), seen("b", cpu="Xeon", name="vm")]
    assert names(kinds(pair, None, load_config())) == {"vm": ("a",), "vm-2": ("b",)}
    measured(clone, "vm", arch="x86_64", cpu="ARM", num_cpu="2", ram=str(8 * GIB))
    assert set(names(kinds(pair, None, load_config()))) == {"vm", "vm-2"}


def test_one_name_for_several_kinds_is_refused(clone) -> None:
    assert names(kinds([seen("a"), seen("b")], "ours", load_config())) == {"ours": ("a", "b")}
    with pytest.raises(MisuseError, match="4 cores"):
        kinds([seen("a"), seen("b", cores=4)], "ours", load_config())
