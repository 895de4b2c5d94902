"""Does the reference compute the same? A ratio of times says nothing otherwise."""

import torch

from convbench.layer.checks.tensors import same
from convbench.layer.finding import Finding, not_applicable, passed, unsure
from convbench.layer.subject import Subject, tensors_of


def agreement(subject: Subject, reference: Subject) -> Finding:
    """Compare the results of both, with the layer's parameters if the reference can have them."""
    layer, other = subject.fresh(), reference.fresh()
    mine = subject.module.state_dict() if subject.module is not None else {}
    theirs = reference.module.state_dict() if reference.module is not None else {}
    if {n: v.shape for n, v in mine.items()} != {n: v.shape for n, v in theirs.items()}:
        return not_applicable("it has other parameters, so that results are not compared")
    if isinstance(other, torch.nn.Module):
        other.load_state_dict(mine)
    found = []
    for called in (layer, other):
        torch.manual_seed(6)
        with torch.no_grad():
            found.append(tensors_of(called(*subject.inputs())))
    if same(*found):
        return passed("it computes the same")
    return unsure("it computes something else, so that the ratio compares two different things")
