"""Cases drawn by lot, on one thread and on all: how far `auto` is from the fastest method there.

The other sections look where somebody expected a question. Here the shapes come from a seeded lot,
so that no constant of the cost model was fitted to them: another `SEED` is another sample.
"""

import random
from collections.abc import Iterator

import torch

import fftconv
from benchmarks import operands
from benchmarks.study import Row, method_call, side_by_side

SEED, COUNT = 0, 60
#: Batch, input and output channels, groups; sides of images and of filters.
CHANNELS = (
    (1, 1, 1, 1), (8, 1, 1, 1), (1, 1, 16, 1), (1, 3, 16, 1), (1, 3, 3, 1), (4, 3, 64, 1),
    (1, 16, 16, 1), (8, 16, 16, 1), (1, 64, 64, 1), (1, 64, 64, 64), (8, 128, 128, 128),
    (1, 32, 32, 4), (1, 128, 128, 1), (4, 128, 128, 1), (1, 512, 512, 1), (8, 64, 3, 1),
    (1, 24, 80, 1),
)  # fmt: skip
IMAGES, FILTERS = (8, 14, 28, 56, 64, 128, 256), (1, 3, 5, 7, 11, 15, 31, 63)
#: Larger cases take too long, in multiply-adds; so do methods predicted so many times the fastest.
MOST_MACS, MOST_TIMES = 3e9, 20


def drawn(count: int, seed: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int, int]]:
    """Yield input shape, weight shape, groups and padding: half of the cases are padded 'same'."""
    dice = random.Random(seed)
    while count:
        batch, ins, outs, groups = dice.choice(CHANNELS)
        size, side = dice.choice(IMAGES), dice.choice(FILTERS)
        padding = side // 2 if dice.random() < 0.5 else 0
        out = size + 2 * padding - side + 1
        weight_shape = outs, ins // groups, side, side
        macs = batch * out**2 * outs * ins // groups * side**2
        if side <= size and macs < MOST_MACS:
            yield (batch, ins, size, size), weight_shape, groups, padding
            count -= 1


def against_methods(training: bool) -> Iterator[Row]:
    """Compare `auto` with every method."""
    everything = torch.get_num_threads()
    for x_shape, w_shape, groups, padding in drawn(COUNT, SEED):
        x, w = (operands.seeded(shape, torch.float32) for shape in (x_shape, w_shape))
        for threads in sorted({1, everything}):
            torch.set_num_threads(threads)
            try:
                plan = fftconv.plan(
                    x_shape, w_shape, padding=padding, groups=groups, needs_grad=training
                )
                totals = {
                    method: sum(of[method] for of in plan.seconds.values())
                    for method in plan.seconds["forward"]
                }
                limit = MOST_TIMES * min(totals.values())
                names = ["auto", *(method for method, s in totals.items() if s <= limit)]
                calls = {m: method_call(m, x, w, groups, padding, training) for m in names}
                seconds = side_by_side(calls, rounds=9)
            finally:
                torch.set_num_threads(everything)
            best = min(names[1:], key=seconds.__getitem__)
            shape = "x".join(map(str, x_shape)), "x".join(map(str, w_shape))
            yield {
                "cell": f"{shape[0]} by {shape[1]}{', padded' if padding else ''}, {threads} thr.",
                "auto_s": seconds["auto"],
                "best": best,
                "ratio": seconds["auto"] / seconds[best],
                "seconds": seconds,
            }
