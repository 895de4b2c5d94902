"""How the gate ends when it cannot answer."""

from convbench.command_line.failure import CommandError


class InconclusiveError(CommandError):
    """Nothing could be compared, which is no pass."""

    def __str__(self) -> str:
        """Say that it is no verdict."""
        return f"inconclusive: {super().__str__()}"


class WorkerError(Exception):
    """A worker process died, answered nothing, or could not do a cell."""
