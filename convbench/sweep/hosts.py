"""The hosts of a cluster, by kind: what measures alike goes under one machine's name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asv.config import Config
from asv.machine import Machine

from convbench.asv.atomic_json import make_asv_atomic
from convbench.asv.machines import machine_name
from convbench.command_line.failure import MisuseError
from convbench.results.store import machine_facts, machines
from convbench.sweep.remote import kind


@dataclass(frozen=True)
class Seen:
    """What one worker said of its host."""

    host: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """Hosts with the same processor, cores and memory."""

    resource: str
    """Their workers have one of this resource, so that dask gives them the items of this kind."""
    machine: str
    """The name under which asv's results have them."""
    facts: Mapping[str, str]
    """As asv would note them of the first."""
    hosts: tuple[str, ...]


def kinds(seen: list[Seen], wanted: str | None, conf: Config) -> list[Kind]:
    """Return the kinds of hosts with the names of their machines.

    A kind has the name that results of such a machine have: by the name that asv's books on one of
    the hosts say, as `backfill` would take there, or else by what is known of the machine. With
    neither it is a new machine with its first host's name.

    Raises
    ------
    MisuseError
        A name is `wanted`, and there are several kinds.
    """
    grouped: dict[str, list[Seen]] = {}
    for one in sorted(seen, key=lambda one: one.host):
        grouped.setdefault(kind(dict(one.facts)), []).append(one)
    if wanted is not None and len(grouped) > 1:
        raise MisuseError(f"--machine names one machine, and there are: {'; '.join(grouped)}")
    found: list[Kind] = []
    for resource, own in sorted(grouped.items()):
        taken = {known.machine for known in found}
        name = machine_name(wanted) if wanted is not None else _name(resource, own, taken, conf)
        hosts = tuple(dict.fromkeys(one.host for one in own))
        found.append(Kind(resource, name, {**own[0].facts, "machine": name}, hosts))
    return found


def _name(resource: str, own: list[Seen], taken: set[str], conf: Config) -> str:
    known = [name for name in machines(conf) if name not in taken]
    in_books = [one.facts["machine"] for one in own]
    alike = [name for name in known if kind(machine_facts(conf, name)) == resource]
    named = [name for name in in_books if name in known]
    if named or alike:
        return (named or alike)[0]
    name, number = in_books[0], 1
    # The same books, or hosts that were not given names of their own.
    while name in taken or name in machines(conf):
        number += 1
        name = f"{in_books[0]}-{number}"
    return name


def enter(one: Kind, results_dir: Path) -> None:
    """Note a machine among the results, as asv does, unless it is there."""
    if not (results_dir / one.machine / "machine.json").exists():
        make_asv_atomic()
        machine = Machine()
        machine.__dict__.update(one.facts)
        machine.save(str(results_dir))
