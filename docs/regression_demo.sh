#!/usr/bin/env bash
# Show that a slow commit is found: in a clone of this repository, a commit among seven makes the
# `fft` layer take three times as long; they are measured and published, and what asv's page of
# regressions names is printed. The machine has to be idle, as for every history: asv finds such a
# step in seven commits always where their noise is 5%, and every second time where it is 20%
# (docs/tracking.md). It takes two to three minutes and a gigabyte.
# Run it from the root of the clone: docs/regression_demo.sh FOLDER
# It ends with 0 if asv names the slow commit alone, 1 if it does not, 2 if something went wrong.
set -Eeuo pipefail
trap 'exit 2' ERR # what fails may end with 1

refuse() {
    echo "docs/regression_demo.sh: $1" >&2
    exit 2
}
# From a git hook, git would work on the repository of the hook.
unset $(git rev-parse --local-env-vars)
[ $# = 1 ] || refuse "name the folder to make, which must not be there yet"
folder=$1
python=$PWD/.venv/bin/python
[ ! -e "$folder" ] || refuse "$folder is there already"
[ -f asv.conf.json ] || refuse "run it from the root of the clone"
[ -x "$python" ] || refuse "there is no .venv here: run make setup first"
"$python" - <<'IDLE'
import os

load = os.getloadavg()[0]
if load > 0.5:
    print(f"warning: load average {load:.1f}: a busy machine's histories step up by themselves")
IDLE
git clone --quiet . "$folder"
cd "$folder"

commit() {
    echo "# $1" >>fftconv/tutorial/__init__.py
    # Neither the user's hooks nor signatures: what is committed here is thrown away.
    git -c user.name=Demo -c user.email=demo@example.invalid -c commit.gpgsign=false \
        -c core.hooksPath=/dev/null commit --quiet --all --message "$1"
}
commit "Before, 1"
commit "Before, 2"
commit "Before, 3"
"$python" - <<'EDIT'
from pathlib import Path

file = Path("fftconv/tutorial/correlation.py")
call = '    result: Array = fftconvolve(x, w[::-1, ::-1], mode="valid")\n'
text = file.read_text()
assert text.count(call) == 1, "the demonstration does not find the call that it makes slower"
again = call.replace("result: Array = ", "")
file.write_text(text.replace(call, 2 * again + call))
EDIT
commit "The slow one"
slow=$(git rev-parse HEAD)
commit "After, 1"
commit "After, 2"
commit "After, 3"

# Milliseconds each, and both of one thread: `direct`, which stays as it is, is there to compare with.
cells="^conv2d\.Forward\.time_forward\('(direct|fft)', 512, (3|15)\)"
"$python" -m convbench backfill 7 --bench "$cells"
echo
verdict=0
PYTHONPATH=$PWD "$python" - "$slow" $(git rev-list --reverse HEAD~7..HEAD) <<'READ' || verdict=$?
import json
import re
import sys
from math import nan
from pathlib import Path

from convbench.asv.machines import this_machine
from convbench.results.store import load_benchmarks, load_config, runs

html = Path(".asv/html")
hashes = json.loads((html / "index.json").read_text())["revision_to_hash"]
slow, *added = sys.argv[1:]
conf = load_config()
measured = {r.commit: r for r in runs(conf, load_benchmarks(conf), this_machine())}
print(f"milliseconds, oldest commit first; the slow one is {slow[:8]}")
missing = [commit[:8] for commit in added if commit not in measured]
if missing:
    sys.exit(f"asv measured nothing of {', '.join(missing)}: see {Path('.asv/report.log').resolve()}")
for method in ("fft", "direct"):
    for size in (3, 15):
        cell = {"method": method, "input": 512, "filter": size}
        of_cell = [
            next((r.value for r in measured[c].of("conv2d.Forward.time_forward") if r.params == cell), nan)
            for c in added
        ]
        print(f"  {method:>6} 512/{size:<3}", *(f"{1e3 * value:8.3f}" for value in of_cell))
found = set()
for name, _, _, _, _, _, jumps in json.loads((html / "regressions.json").read_text())["regressions"]:
    for before, after, before_s, after_s in jumps:
        named = hashes[str(after)]
        if named in added:
            exact = before is None  # else asv only knows that it is one of several commits
            found.add((named if exact else "several", re.search(r"'(\w+)'", name)[1]))
            print(f"asv names {named[:8]}: {after_s / before_s:.2f}x {name}")
if found != {(slow, "fft")}:
    print("asv did not name the slow commit alone, for fft alone: is the machine busy?")
    sys.exit(10)
print("asv named the slow commit, for fft, and nothing else")
READ
case $verdict in
    0) ;;
    10) exit 1 ;;
    *) exit 2 ;;
esac
