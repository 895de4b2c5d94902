"""What `auto` is to reach, measured side by side in one run: ``python -m benchmarks.targets``.

The speed of the peers, the CNN shapes, the regret against the best method, dense layers, networks,
the peak memory and the error come out as one table each, with a summary at the end.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks import anywhere, dense, goals, peers, study, whole_networks
from benchmarks.study import Row


def _print_rows(title: str, rows: Iterator[Row]) -> list[Row]:
    print(f"\n{title}", flush=True)
    kept = []
    for row in rows:
        kept.append(row)
        words = [f"{row['cell']:36s}", f"{row['ratio']:8.3f}"]
        words += [
            f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}"
            for k, v in row.items()
            if k not in ("cell", "ratio", "seconds", "size", "network")
        ]
        print("  ".join(words), flush=True)
    return kept


def _size(text: str) -> int:
    least = min(peers.FILTER_SIZES)
    if not text.isdecimal() or int(text) <= least:
        raise argparse.ArgumentTypeError(f"{text!r} is no side of an image: above {least}")
    return int(text)


def main() -> None:
    """Run the chosen sections and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=__doc__)
    sections = {
        "forward": lambda sizes: study.against_peers(sizes, training=False),
        "training": lambda sizes: study.against_peers(sizes, training=True),
        "methods forward": lambda sizes: study.against_methods(sizes, training=False),
        "methods training": lambda sizes: study.against_methods(sizes, training=True),
        "anywhere forward": lambda sizes: anywhere.against_methods(training=False),
        "anywhere training": lambda sizes: anywhere.against_methods(training=True),
        "dense forward": lambda sizes: dense.against_native(training=False),
        "dense training": lambda sizes: dense.against_native(training=True),
        "networks forward": lambda sizes: whole_networks.against_native(training=False),
        "networks training": lambda sizes: whole_networks.against_native(training=True),
        "memory": study.memory,
        "accuracy": study.accuracy,
    }
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections))
    parser.add_argument("--sizes", nargs="+", type=_size, default=list(peers.INPUT_SIZES))
    parser.add_argument("--output", type=Path, help="also write every figure as JSON")
    options = parser.parse_args()
    if options.output is not None:
        try:
            options.output.open("a").close()  # before minutes of measuring
        except OSError as error:
            parser.error(f"cannot write {options.output}: {error.strerror}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32")
    for name in peers.PACKAGES:
        reason = peers.skip_reason(name, 64, 3)
        if reason is not None:
            print(reason)
    found = {name: _print_rows(name, sections[name](tuple(options.sizes))) for name in options.only}
    print("\n" + "\n".join(goals.summary(found)))
    if options.output is not None:
        options.output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
