"""The names of machines in asv's books."""

from asv.machine import Machine, MachineCollection
from asv.util import UserError

from convbench.asv.atomic_json import make_asv_atomic
from convbench.command_line.failure import CommandError

# What asv's reading of its file raises, whatever is the matter with it.
_UNREADABLE = (UserError, OSError, ValueError, TypeError, AttributeError)


def _entered(name: str) -> str | None:
    """Return the name that asv's books have for a machine, None if it is not in them.

    Where the books hold one machine only, asv takes it for this one, whatever its name.
    """
    try:
        return str(MachineCollection.load(name).get("machine", name))
    except _UNREADABLE:
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
        try:  # of a file that cannot be read no machine is known: this reads it again
            MachineCollection.save(name, {**Machine.get_defaults(), "machine": name})
        except _UNREADABLE as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            path = MachineCollection.get_machine_file_path()
            raise CommandError(f"asv's file of machines, {path}, is no use: {said[0]}") from None
    return found or name
