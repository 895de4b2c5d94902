"""What `auto` is to reach, and a sentence for each goal on how far it is."""

import math
from statistics import geometric_mean

from benchmarks import study
from benchmarks.study import Row

#: Best peer / auto, the mean over the cells.
FORWARD, TRAINING = 2, 10
#: Auto / best method: the mean over the cells, and the worst of them.
REGRET, WORST_REGRET = 1.05, 1.3
#: Native / auto: on the CNN shapes the least, and on one that native is slow at.
CNN_SPEEDUP, RGB_SPEEDUP = 0.95, 20
#: The better of native and native in channels_last / auto on dense layers: the mean, and for 3x3
#: from 64 channels up the least.
DENSE = {"dense forward": (6, 2.2), "dense training": (5, 2)}
#: Native / auto on the convolutions of networks: the least of some, and of all.
NETWORKS: dict[str, dict[str, float]] = {
    "networks forward": {"VGG-16": 2.2, "RepLKNet-31B": 4},
    "networks training": {"VGG-16": 2, "RepLKNet-31B": 4},
}
#: Peak / (input + output), the worst.
MEMORY = 3
#: Error / native's, the worst.
ERROR = 10


def summary(found: dict[str, list[Row]]) -> list[str]:
    """Say how far each section's rows are from the goals."""
    lines = []
    for key, goal in (("forward", FORWARD), ("training", TRAINING)):
        if key in found:
            ratios = [row["ratio"] for row in found[key]]
            small = [row["ratio"] for row in found[key] if row["size"] < 256]
            large = [row["ratio"] for row in found[key] if row["size"] >= 256]
            lines.append(
                f"{key}: best peer / auto: geometric mean {geometric_mean(ratios):.2f} "
                f"(goal {goal}), least {min(small, default=math.inf):.2f} below 256, "
                f"{min(large, default=math.inf):.2f} from 256 up"
            )
    for key in ("methods forward", "methods training"):
        if key in found:
            ratios = [row["ratio"] for row in found[key]]
            cnn = [
                row["speedup"]
                for row in found[key]
                if row["cell"] in study.CNN and row["speedup"] > 0
            ]
            rgb = next(row["speedup"] for row in found[key] if row["cell"].startswith("RGB"))
            lines.append(
                f"{_regret(key, ratios)}; "
                f"native / auto on CNN shapes: least {min(cnn):.2f} (goal {CNN_SPEEDUP}), "
                f"RGB depthwise 3x3 {rgb:.1f} (goal {RGB_SPEEDUP})"
            )
    for key in ("anywhere forward", "anywhere training"):
        if key in found:
            ratios = [row["ratio"] for row in found[key]]
            beyond = sum(ratio > WORST_REGRET for ratio in ratios)
            lines.append(f"{_regret(key, ratios)}; beyond that {beyond} of {len(ratios)}")
    for key, (goal, small_goal) in DENSE.items():
        if key in found:
            ratios = [row["ratio"] for row in found[key]]
            small = [
                row["ratio"] for row in found[key] if row["taps"] == 3 and row["channels"] >= 64
            ]
            lines.append(
                f"{key}: best of native / auto: geometric mean {geometric_mean(ratios):.2f} "
                f"(goal {goal}), least {min(ratios):.2f} (goal 1), 3x3 from 64 channels up "
                f"{min(small):.2f} (goal {small_goal})"
            )
    for key, networks in NETWORKS.items():
        if key in found:
            words = [
                f"{name} {min(row['ratio'] for row in found[key] if row['network'] == name):.2f} "
                f"(goal {goal})"
                for name, goal in networks.items()
            ]
            least = min(row["ratio"] for row in found[key])
            lines.append(
                f"{key}: native / auto: {', '.join(words)}, least of all {least:.2f} (goal 1)"
            )
    if "memory" in found:
        worst = max(found["memory"], key=lambda row: float(row["ratio"]))
        lines.append(
            f"memory: worst peak / (input + output) {worst['ratio']:.2f} (goal {MEMORY}): "
            f"{worst['cell']}"
        )
    if "accuracy" in found:
        worst = max(found["accuracy"], key=lambda row: float(row["ratio"]))
        lines.append(
            f"accuracy: worst error / native's {worst['ratio']:.2f} (goal {ERROR}): {worst['cell']}"
        )
    return lines


def _regret(key: str, ratios: list[float]) -> str:
    return (
        f"{key}: regret of auto: geometric mean {geometric_mean(ratios):.3f} (goal {REGRET}), "
        f"worst {max(ratios):.2f} (goal {WORST_REGRET})"
    )
