"""How a command ends when it cannot do what was asked: by one line and an exit status."""


class CommandError(Exception):
    """The command failed: exit status 1, or the command's own for it, and the message."""


class MisuseError(CommandError):
    """What was asked makes no sense: exit status 2."""
