"""Numbers with their units, as every page and table writes them."""

import math


def format_seconds(seconds: float) -> str:
    """Write a time with three digits and its unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def format_bytes(count: float) -> str:
    """Write a number of bytes with three digits and a binary unit."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


def format_rate(per_s: float, unit: str) -> str:
    """Write a rate with three digits, as in ``4.2 GFLOP/s``."""
    for prefix, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if per_s >= scale:
            return f"{per_s / scale:.3g} {prefix}{unit}/s"
    return f"{per_s:.3g} {unit}/s"


def format_error(value: float) -> str:
    """Write a relative error; it has no unit."""
    return "0" if value == 0 else f"{value:.1e}"


def format_interval(seconds: float, interval: tuple[float, float] | None) -> str:
    """Write a median with the half width of its confidence interval, in percent."""
    text = format_seconds(seconds)
    if interval is None or not all(map(math.isfinite, interval)):
        return f"{text}, spread unknown"
    percent = 50 * (interval[1] - interval[0]) / seconds
    return f"{text} ± {percent:.2g}%" if percent < 10 else f"{text} ± {percent:.0f}%"


def format_count(count: float, unit: str) -> str:
    """Write a number of something with three digits, as in ``4.2 GFLOP``."""
    return format_rate(count, unit).removesuffix("/s")
