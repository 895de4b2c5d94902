"""Pickle and copy the layer, as checkpoints, ensembles and workers of a DataLoader do."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import torch

from convbench.layer.checks.context import Context
from convbench.layer.checks.tensors import same
from convbench.layer.errors import line
from convbench.layer.finding import Finding, failed, passed
from convbench.layer.places import raised_at
from convbench.layer.subject import tensors_of

_MEND = (
    "define what it is made of at the top of a module, and keep nothing in it that cannot be "
    "pickled (lambdas, locks, open files): __getstate__ leaves those out, __setstate__ makes them"
)


def copies(context: Context) -> Finding:
    """Pickle the layer and copy it deeply; the copies give the same results."""
    layer = context.subject.layer
    ways: dict[str, Callable[[], Any]] = {
        "pickled": lambda: pickle.loads(pickle.dumps(layer)),
        "copied by copy.deepcopy": lambda: copy.deepcopy(layer),
    }
    for how, make in ways.items():
        try:
            other = make()
        except Exception as error:
            place = raised_at(error) or context.subject.place
            return failed(f"it cannot be {how}: {line(error)}", place, _MEND)
        found = []
        for called in (context.subject.fresh(), other):
            torch.manual_seed(5)
            with torch.no_grad():
                found.append(tensors_of(called(*context.subject.inputs())))
        if not context.random and not same(found[1], found[0]):
            return failed(f"{how}, it gives another result", context.line_of("forward"), _MEND)
    return passed("pickled and copied, it gives the same result")
