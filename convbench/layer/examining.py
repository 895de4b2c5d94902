"""Look at a layer: time it, take its call apart, make every check of it."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from asv.machine import Machine

from convbench.command_line.failure import MisuseError
from convbench.command_line.progress import Announce
from convbench.layer.agreement import agreement
from convbench.layer.checks.context import Context, is_random
from convbench.layer.checks.registry import CHECKS
from convbench.layer.conversion import split
from convbench.layer.directions import timings, training_step
from convbench.layer.errors import line
from convbench.layer.finding import Finding, failed, unsure
from convbench.layer.legacy import legacy_functions
from convbench.layer.loading import Layer
from convbench.layer.places import Place, owning, raised_at
from convbench.layer.preserving import preserved
from convbench.layer.report import Report, dtype_name
from convbench.layer.subject import Shape, Subject, tensors_of
from convbench.layer.watching import watch

_Made = TypeVar("_Made")
_MANY = "a layer has to bear being called, and differentiated, many times"


def _conditions() -> list[tuple[str, str]]:
    facts = Machine.get_defaults()
    libraries = f"Python {platform.python_version()}, torch {torch.__version__}"
    return [
        ("processor", f"{facts['cpu']}, {facts['num_cpu']} cores"),
        ("threads", str(torch.get_num_threads())),
        ("libraries", f"{libraries}, numpy {np.__version__}"),
    ]


def _check_accepted(subject: Subject) -> None:
    """Call the layer once.

    Raises
    ------
    MisuseError
        It refuses the inputs, or returns no tensor.
    """
    try:
        result = subject.fresh()(*subject.inputs())
    except (Exception, SystemExit) as error:
        place = raised_at(error)
        at = f" ({place})" if place is not None else ""
        raise MisuseError(
            f"{subject.name} refuses {dtype_name(subject.dtype)} input "
            f"{subject.written_shapes}: {line(error)}{at}"
        ) from error
    if not tensors_of(result):
        raise MisuseError(f"{subject.name} returns no tensor, but {type(result).__name__}")


def _attempt(
    what: str, make: Callable[[], _Made], faults: list[Finding], place: Place | None
) -> _Made | None:
    """Return what is made; or None, with the error among the faults."""
    try:
        return make()
    except (Exception, SystemExit) as error:
        said = f"it raises {line(error)}"
        faults.append(failed(said, raised_at(error) or place, _MANY).of(what))
        return None


def examine(
    layer: tuple[str, Layer],
    shapes: Sequence[Shape],
    dtype: torch.dtype = torch.float32,
    reference: tuple[str, Layer] | None = None,
    announce: Announce = lambda step: None,
) -> Report:
    """Time a layer, take its call apart, and make every check of it.

    Parameters
    ----------
    layer, reference
        What is looked at and what it is timed beside, each with its name.
    shapes
        The shape of each input; the numbers are normally distributed.
    dtype
        Of the inputs and of a module's parameters.

    Raises
    ------
    MisuseError
        The layer, or the reference, refuses the inputs.
    """
    subject = Subject(*layer, tuple(shapes), dtype)
    package = _package(subject)
    with preserved(), legacy_functions(), owning(package):
        subject = replace(subject, layer=subject.fresh())
        announce("calling it once")
        _check_accepted(subject)
        other = None
        if reference is not None:
            other = Subject(*reference, subject.shapes, dtype)
            other = replace(other, layer=other.fresh())
            _check_accepted(other)
        findings: list[Finding] = []
        place = subject.place
        announce("timing both directions")
        timed = _attempt("time", lambda: timings(subject, other), findings, place)
        announce("profiling a step")
        taken = _attempt("profile", lambda: split(training_step(subject)), findings, place)
        functions = watch(lambda: _attempt("", lambda: training_step(subject)(), [], place))
        if other is not None:
            findings.append(_agreement(subject, other))
        context = Context(subject, tuple(functions), is_random(subject))
        for check in CHECKS:
            announce(check.question)
            with preserved():
                findings.append(check.find(context))
    name = None if other is None else other.name
    return Report(subject, name, place, _conditions(), timed or [], taken, findings)


def _package(subject: Subject) -> str:
    thing = type(subject.layer) if subject.module is not None else subject.layer
    owner = getattr(thing, "__self__", None)
    return str(getattr(thing, "__module__", None) or getattr(owner, "__module__", None) or "")


def _agreement(subject: Subject, other: Subject) -> Finding:
    try:
        found = agreement(subject, other)
    except Exception as error:
        found = unsure(f"the results could not be compared: {line(error)}")
    return found.of("reference")
