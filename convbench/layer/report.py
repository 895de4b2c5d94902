"""All that is known of a layer."""

from dataclasses import dataclass
from typing import Any

import torch

from convbench.layer.conversion import Split
from convbench.layer.directions import Timing
from convbench.layer.finding import Finding, Outcome
from convbench.layer.places import Place
from convbench.layer.subject import Subject
from convbench.layer.timing import Estimate


@dataclass(frozen=True)
class Report:
    """What a layer takes, what that is made of, and what it does to the rest of torch."""

    subject: Subject
    reference: str | None
    place: Place | None
    """Where the layer computes."""
    conditions: list[tuple[str, str]]
    timings: list[Timing]
    split: Split | None
    """None where the layer could not be profiled."""
    findings: list[Finding]

    @property
    def faults(self) -> int:
        """How many checks failed."""
        return sum(finding.outcome is Outcome.FAIL for finding in self.findings)

    @property
    def title(self) -> str:
        """Name the layer and its inputs in a line."""
        return (
            f"{self.subject.name}, {self.subject.written_shapes}, {dtype_name(self.subject.dtype)}"
        )

    def summary(self) -> dict[str, Any]:
        """Return everything for other programs; times in seconds."""
        taken = self.split
        return {
            "version": 1,
            "layer": self.subject.name,
            "reference": self.reference,
            "inputs": [list(shape) for shape in self.subject.shapes],
            "dtype": dtype_name(self.subject.dtype),
            "conditions": dict(self.conditions),
            "times": [_times(timing) for timing in self.timings],
            "regions_s": dict(taken.seconds) if taken is not None else None,
            "conversions": [
                {"place": _text(place), "call": name, "count": count, "seconds": seconds}
                for place, name, count, seconds in (taken.costly() if taken is not None else ())
            ],
            "findings": [
                {
                    "check": finding.check,
                    "outcome": finding.outcome.name.lower(),
                    "said": finding.said,
                    "place": _text(finding.place),
                    "code": finding.place.code if finding.place else None,
                    "mend": finding.mend,
                }
                for finding in self.findings
            ],
        }


def dtype_name(dtype: torch.dtype) -> str:
    """Write a dtype as users do."""
    return str(dtype).removeprefix("torch.")


def _text(place: Place | None) -> str | None:
    return None if place is None else str(place)


def _times(timing: Timing) -> dict[str, Any]:
    found: dict[str, Any] = {"direction": timing.direction}
    sides = {"layer": timing.layer, "reference": timing.reference}
    for side, sampled in sides.items():
        if sampled is not None:
            found[side] = _numbers(sampled.seconds)
    if timing.reference is not None:
        found["ratio"] = _numbers(timing.layer.over(timing.reference))
    return found


def _numbers(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
