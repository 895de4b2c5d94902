"""What `auto` loses by choosing: its time against the best method's, side by side in one process.

A regret that grows over commits says that the planner no longer knows its methods.
"""

import torch

from benchmarks import operands
from benchmarks.cases import FILTER_SIZES, INPUT_SIZES
from benchmarks.targets import METHODS, method_call, side_by_side

# `side_by_side` takes turns; the fewer rounds, the more a busy spell counts.
_ROUNDS = 4


class Regret:
    """Time of `auto` divided by that of the best method of the same moment; 1 is no regret."""

    version = "1"
    timeout = 120.0
    unit = "ratio"
    params = (["forward", "training"], list(INPUT_SIZES), list(FILTER_SIZES))
    param_names = ("direction", "input", "filter")

    def setup(self, direction: str, input_size: int, filter_size: int) -> None:
        """Make the calls of all methods, or skip the cell."""
        for method in (*METHODS, "auto"):
            missing = operands.missing_method(method)
            if missing is not None:
                raise NotImplementedError(missing)
        x = operands.seeded((1, 1, input_size, input_size), torch.float32)
        w = operands.seeded((1, 1, filter_size, filter_size), torch.float32)
        # Where native needs longer than a second or so for a call, it is not the best one.
        slow = input_size * filter_size > 512 * 31 and direction == "training"
        candidates = [method for method in METHODS if not (slow and method == "native")]
        self.calls = {
            method: method_call(method, x, w, 1, 0, direction == "training")
            for method in (*candidates, "auto")
        }

    def track_regret(self, *_: object) -> float:
        """Time of `auto` over the best method's."""
        seconds = side_by_side(self.calls, rounds=_ROUNDS)
        chosen = seconds.pop("auto")
        return chosen / min(seconds.values())
