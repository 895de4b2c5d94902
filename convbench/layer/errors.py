"""What an error says, in a line."""

_LONGEST = 320


def line(error: BaseException) -> str:
    """Return an error's type and the beginning of its message."""
    return f"{type(error).__name__}: {message(error)}"


def message(error: BaseException) -> str:
    """Return the first line of an error's message that says something."""
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    first = lines[0] if lines else type(error).__name__
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"
