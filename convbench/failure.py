"""What ends a command of the judge with another exit status than a failure's 1."""


class MisuseError(Exception):
    """What was asked makes no sense: exit status 2, and one line."""
