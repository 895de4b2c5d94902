#!/usr/bin/env bash
# Show that a slow commit is found: in a clone of this repository, a commit among eight makes the
# `fft` layer take PERCENT longer (10 by default; 0: none does). They are measured, each in a run of
# its own, and published; what asv alone would name is printed beside what the page of regressions
# names, which the gate has confirmed. It takes a quarter of an hour and a gigabyte.
# Run it from the root of the clone: docs/regression_demo.sh FOLDER [PERCENT]
# It ends with 0 if the page names the slow commit alone, 1 if it does not, 2 if something went wrong.
set -Eeuo pipefail
trap 'exit 2' ERR # what fails may end with 1

refuse() {
    echo "docs/regression_demo.sh: $1" >&2
    exit 2
}
# From a git hook, git would work on the repository of the hook.
unset $(git rev-parse --local-env-vars)
[ $# = 1 ] || [ $# = 2 ] || refuse "name the folder to make, which must not be there yet, and a percentage"
folder=$1
percent=${2:-10}
[[ $percent =~ ^[0-9]{1,3}$ ]] || refuse "the percentage must be 0 to 999, got '$percent'"
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
# What is committed there may be of this machine: steps of other commits, which would be checked, too.
rm -r results

commit() {
    echo "# $1" >>fftconv/tutorial/__init__.py
    # Neither the user's hooks nor signatures: what is committed here is thrown away.
    git -c user.name=Demo -c user.email=demo@example.invalid -c commit.gpgsign=false \
        -c core.hooksPath=/dev/null commit --quiet --all --message "$1"
}
for number in 1 2 3 4; do commit "Before, $number"; done
if [ "$percent" != 0 ]; then
    "$python" - "$percent" <<'EDIT'
import sys
from pathlib import Path

file = Path("fftconv/tutorial/correlation.py")
call = '    result: Array = fftconvolve(x, w[::-1, ::-1], mode="valid")\n'
text = file.read_text()
assert text.count(call) == 1, "the demonstration does not find the call that it makes slower"
slower = f"""    import time

    start = time.perf_counter()
{call}    end = time.perf_counter() + {int(sys.argv[1]) / 100} * (time.perf_counter() - start)
    while time.perf_counter() < end:
        pass
"""
file.write_text(text.replace(call, slower))
EDIT
fi
commit "The slow one"
slow=$(git rev-parse HEAD)
for number in 1 2 3; do commit "After, $number"; done

# Milliseconds each, and both of one thread: `direct`, which stays as it is, is there to compare with.
cells="^conv2d\.Forward\.time_forward\('(direct|fft)', 'all', (512, 3|256, 7)\)"
"$python" -m convbench backfill 8 --bench "$cells"
# It has five minutes for what the histories leave open; finding a commit by halves may take more.
"$python" -m convbench confirm --bench "$cells" --budget 10m
echo
verdict=0
PYTHONPATH=$PWD "$python" - "$percent" "$slow" $(git rev-list --reverse HEAD~8..HEAD) <<'READ' || verdict=$?
import sys
from math import nan
from pathlib import Path

from convbench.asv.machines import this_machine
from convbench.confirm.steps import NAMED, read_steps
from convbench.results.store import load_benchmarks, load_config, runs

percent, slow, *added = sys.argv[1:]
conf = load_config()
measured = {r.commit: r for r in runs(conf, load_benchmarks(conf), this_machine())}
missing = [commit[:8] for commit in added if commit not in measured]
if missing:
    sys.exit(f"asv measured nothing of {', '.join(missing)}: see {Path('.asv/report.log').resolve()}")
print("milliseconds, oldest commit first" + (f"; the slow one is {slow[:8]}" if percent != "0" else ""))
for method in ("fft", "direct"):
    for size, taps in ((512, 3), (256, 7)):
        cell = {"method": method, "threads": "all", "input": size, "filter": taps}
        own = [
            next((r for r in measured[c].of("conv2d.Forward.time_forward") if r.params == cell), None)
            for c in added
        ]
        shown = [(nan, 1.0) if r is None else (1e3 * r.value, r.slowdown) for r in own]
        print(f"  {method:>6} {size}/{taps:<2}", *(f"{ms:8.3f}" for ms, _ in shown))
        print("   machine slower by", *(f"{factor:8.2f}" for _, factor in shown))
named = set()
for found in read_steps(Path(conf.html_dir)):
    step = found.step
    if step.after in added:
        finder = "the gate was asked about" if step.faint else "asv alone names"
        print(f"{finder} {step.before[:8]} to {step.after[:8]}: {step.ratio:.2f}x {step.cell}: {found.state.value} {found.note}")
        if found.state in NAMED:
            named.add((step.after, "fft" if "'fft'" in step.cell else "direct"))
wanted = set() if percent == "0" else {(slow, "fft")}
if named != wanted:
    print(f"the page names {sorted(c[:8] + ' ' + m for c, m in named) or 'nothing'}: not what was planted")
    sys.exit(10)
print("the page names nothing" if percent == "0" else "the page names the slow commit, for fft, and nothing else")
READ
case $verdict in
    0) ;;
    10) exit 1 ;;
    *) exit 2 ;;
esac
