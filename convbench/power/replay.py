"""The gate's whole procedure on resamples of the pairs that the live trials recorded.

A live trial takes most of a minute, a replayed one a millisecond. What a replay cannot know is
what trials have in common within themselves (the machine's mood of that minute): it draws pairs
of all trials of one slowdown alike. So its rates stand beside the live ones, never in their place.
"""

import random
import statistics
from collections.abc import Sequence

from convbench.power.trials import Trial
from convbench.stats.judging import Course, Verdict
from convbench.stats.rates import Rate
from convbench.stats.rules import Rules

REPLAYS = 2000
_SEED = 20_26
_LEAST_PAIRS = 20


def replay_once(
    pairs: Sequence[float], pair_s: float, budget_s: float, start_s: float, dice: random.Random
) -> Verdict:
    """Return the verdict on a resample of `pairs`, of which each takes `pair_s`."""
    course = Course(Rules(), cells=1)
    now_s = start_s
    while True:
        course.log_ratios.append(dice.choice(pairs))
        now_s += pair_s
        found = course.look(now_s / budget_s, final=budget_s - now_s < pair_s)
        if found is not None and found.verdict is not None:
            return found.verdict


def replayed(trials: Sequence[Trial], repetitions: int = REPLAYS) -> dict[float, Rate]:
    """Return the gate's rate for each slowdown of which enough pairs were recorded."""
    found = {}
    for share in sorted({trial.task.share for trial in trials if trial.pairs}):
        of_share = [trial for trial in trials if trial.task.share == share and trial.pairs]
        pairs = [ratio for trial in of_share for ratio in trial.pairs]
        if len(pairs) < _LEAST_PAIRS:
            continue
        pair_s = statistics.median(s for trial in of_share for s in trial.pair_s)
        start_s = statistics.median(t.seconds - sum(t.pair_s) for t in of_share)
        budget_s = of_share[0].budget_s
        dice = random.Random(_SEED)
        said = [replay_once(pairs, pair_s, budget_s, start_s, dice) for _ in range(repetitions)]
        found[share] = Rate(
            said.count(Verdict.SLOWDOWN), repetitions, said.count(Verdict.INCONCLUSIVE), None
        )
    return found
