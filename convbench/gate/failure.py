"""How the gate ends when it cannot answer, as exit statuses and one line."""


class InconclusiveError(Exception):
    """Nothing could be compared: exit status 3, which is no pass."""


class WorkerError(Exception):
    """A worker process died, answered nothing, or could not do a cell."""
