#!/usr/bin/env bash
# Show that a slow commit is found: in a clone of this repository, a commit among seven makes the
# `fft` layer take half as long again; they are measured and published, and what asv's page of
# regressions names is printed. The machine has to be idle, as for every history.
# Run it from the root of the clone: docs/regression_demo.sh FOLDER
set -euo pipefail
folder=${1:?the folder to make, which must not be there yet}
python=$PWD/.venv/bin/python
git clone --quiet . "$folder"
cd "$folder"

commit() {
    echo "# $1" >>fftconv/tutorial/__init__.py
    git -c user.name=Demo -c user.email=demo@example.invalid commit --quiet --all --message "$1"
}
commit "Before, 1"
commit "Before, 2"
commit "Before, 3"
"$python" - <<'EDIT'
from pathlib import Path

file = Path("fftconv/tutorial/correlation.py")
call = 'fftconvolve(x, w[::-1, ::-1], mode="valid")'
half = 'fftconvolve(x[: (x.shape[0] + w.shape[0]) // 2], w, mode="valid")'
text = file.read_text()
assert text.count(call) == 1, "the demonstration does not find the call that it makes slower"
file.write_text(text.replace(f"    result: Array = {call}", f"    {half}\n    result: Array = {call}"))
EDIT
commit "The slow one"
commit "After, 1"
commit "After, 2"
commit "After, 3"

cells="^conv2d\.Forward\.time_forward\('(fft|native)', 256, (3|15)\)"
"$python" -m convbench backfill 7 --bench "$cells"
echo
"$python" - "$(git log --format=%H --grep '^The slow one$')" $(git rev-list HEAD~7..HEAD) <<'READ'
import json
import sys
from pathlib import Path

html = Path(".asv/html")
commits = json.loads((html / "index.json").read_text())["revision_to_hash"]
slow, *added = sys.argv[1:]
print("the slow commit:", slow[:8])
named = []
for name, _, _, _, _, _, jumps in json.loads((html / "regressions.json").read_text())["regressions"]:
    for _, after, before_s, after_s in jumps:
        if commits[str(after)] in added:
            named.append(commits[str(after)])
            print(f"asv names {named[-1][:8]}: {after_s / before_s:.2f}x {name}")
if set(named) != {slow}:
    sys.exit("asv did not name the slow commit alone: is the machine busy?")
READ
