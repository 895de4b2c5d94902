"""The names of machines in asv's books."""

from collections.abc import Iterator
from contextlib import contextmanager

from asv.machine import Machine, MachineCollection
from asv.util import UserError

from convbench.asv.atomic_json import make_asv_atomic
from convbench.command_line.failure import CommandError


@contextmanager
def _books() -> Iterator[None]:
    """Say in one line what is wrong with asv's file of machines."""
    try:
        yield
    except (UserError, OSError, ValueError, TypeError, AttributeError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        path = MachineCollection.get_machine_file_path()
        raise CommandError(f"asv's file of machines, {path}, is no use: {said[0]}") from None


def _entered(name: str) -> str | None:
    """Return the name that asv's books have for a machine, None if it is not in them.

    Where the books hold one machine only, asv takes it for this one, whatever its name.
    """
    try:
        return str(MachineCollection.load(name).get("machine", name))
    except (UserError, OSError, ValueError, TypeError, AttributeError):
        return None


def this_machine() -> str:
    """Return the name under which results of this machine are entered."""
    name = str(Machine.get_unique_machine_name())
    return _entered(name) or name


def machine_name(wanted: str | None) -> str:
    """Return the name of a machine in asv's books, entering it there if it is new."""
    name = wanted or str(Machine.get_unique_machine_name())
    found = _entered(name)
    if found is None:
        make_asv_atomic()
        with _books():  # asv knows no machine of a file that it cannot read: this reads it again
            MachineCollection.save(name, {**Machine.get_defaults(), "machine": name})
    return found or name
