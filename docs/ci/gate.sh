#!/usr/bin/env bash
# The gate in any CI that runs a shell: docs/ci/gate.sh BASE, from the root of a clone with its
# history. Writes gate.md for a comment, and ends with the gate's status where that is a failure.
set -euo pipefail
# git ends with 1 where two histories have nothing in common, which would look like a slowdown.
base=$(git merge-base "${1:?the branch or commit that the change goes into}" HEAD) || exit 2
make setup
status=0
.venv/bin/python -m convbench gate "$base" --threshold 3% --budget 15m \
    --markdown gate.md --json gate.json || status=$?
case $status in
    0) echo "no slowdown" ;;
    1) echo "slower: see gate.md" ;;
    3)
        # Neither a pass nor a verdict. Fail on it as well, or let a person look:
        # GATE_INCONCLUSIVE=pass does not fail the build.
        echo "inconclusive, or broken: see gate.md, or what is said above"
        if [ "${GATE_INCONCLUSIVE:-fail}" = pass ]; then status=0; fi
        ;;
    *) echo "the gate was misused, or was ended" ;;
esac
exit "$status"
