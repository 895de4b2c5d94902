"""How a command ends when it cannot do what was asked: by one line and an exit status.

The gate's 1 is a verdict. So whatever breaks ends with another status there (`failure_status` of
its parser), and what breaks unforeseen ends with `BROKEN` in every command.
"""

FAILED, MISUSED, BROKEN = 1, 2, 3


class CommandError(Exception):
    """The command failed: the message, and `FAILED`, or what the command has for it."""


class MisuseError(CommandError):
    """What was asked makes no sense: `MISUSED`."""
