"""Numbers with their units."""

import pytest

from convbench.results.quantities import format_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2 s"), (1.234e-3, "1.23 ms"), (56e-6, "56 us"), (7e-10, "0.7 ns")],
)
def test_times_have_units(seconds, text) -> None:
    assert format_seconds(seconds) == text
