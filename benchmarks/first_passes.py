"""What the first pass through a network costs: functions that are compiled, and how long it takes.

``python -m benchmarks.first_passes`` prints for each network, forward and in training, how many
functions `auto` has compiled, the seconds of a process's first pass while nothing is on disk, those
of another process that finds them there, and those of a later pass. Each number is of processes of
their own, with a folder of their own for numba's cache.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks import network_cases, networks
from benchmarks.network_cases import NetworkCase


def passes(name: str, training: bool) -> list[float]:
    """Return the seconds of the first pass of this process, and of another one."""
    # Only the layers are made before: `native` compiles nothing.
    steps = networks.layers_of(NetworkCase("native", name, 1), training=training)
    steps = networks.by_method(steps, "auto")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        with torch.set_grad_enabled(training):
            (networks.train if training else networks.forward)(steps)
        seconds.append(time.perf_counter() - start)
    return [seconds[0], seconds[-1]]


def in_a_process(name: str, training: bool, cache: str) -> list[float]:
    """Return what `passes` does in a new process, whose compiled functions are kept in `cache`."""
    command = [sys.executable, "-m", __spec__.name, "--of", name]
    if training:
        command.append("--training")
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def row(name: str, training: bool) -> str:
    """Return a line of the table."""
    with tempfile.TemporaryDirectory() as cache:
        anew, later = in_a_process(name, training, cache)
        functions = sum(1 for _ in Path(cache).rglob("*.nbc"))
        read, _ = in_a_process(name, training, cache)
    pass_of = "training" if training else "forward"
    return f"{name:14} {pass_of:9} {functions:9} {anew:9.1f} s {read:9.2f} s {later:9.3f} s"


def main() -> None:
    """Print the table, or measure this process alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--of", choices=network_cases.NETWORKS, help="measure this process alone")
    parser.add_argument("--training", action="store_true", help="with --of: a step of training")
    options = parser.parse_args()
    if options.of is not None:
        print(json.dumps(passes(options.of, options.training)))
        return
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32, batch 1\n"
        f"{'network':14} {'pass':9} {'functions':>9} {'first':>11} {'from disk':>11} {'later':>11}"
    )
    for name in network_cases.NETWORKS:
        for training in (False, True):
            print(row(name, training), flush=True)


if __name__ == "__main__":
    main()
