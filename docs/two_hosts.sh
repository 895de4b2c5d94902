#!/usr/bin/env bash
# Show a sweep over two hosts: two network namespaces, each with an address and a name of its own,
# with a worker each, and a scheduler at a third address. They share the processor, and so they take
# turns (convbench/sweep/item.py), which two machines do not have to.
# It needs root, for the namespaces, and an environment of asv's, since no index is reached from
# inside: one `python -m convbench backfill 1` makes it.
# Run it from the root of the clone: docs/two_hosts.sh [RANGE]
# It ends with the status of the sweep, 2 if something went wrong before.
set -Eeuo pipefail
trap 'exit 2' ERR

range=${1:-HEAD~2..HEAD}
# Cells of a few milliseconds each.
cells="^conv2d\.(Forward|Accuracy)\.\w+\('(fft|native)', 'all', 64, 3\)|^conv2d\.Accuracy.*'fft', 64, 3"
python=$PWD/.venv/bin/python
environments=$PWD/.asv/env
refuse() {
    echo "docs/two_hosts.sh: $1" >&2
    exit 2
}
[ "$(id -u)" = 0 ] || refuse "namespaces are for root"
[ -f asv.conf.json ] || refuse "run it from the root of the clone"
[ -d "$environments" ] || refuse "there is no $environments: run make backfill N=1 first"
"$python" -c "import distributed" || refuse "pip install -e '.[bench,dask]' first"

scratch=$(mktemp -d)
started=()
clean_up() {
    trap - ERR
    kill "${started[@]}" 2>/dev/null || true
    wait
    for host in one two; do ip netns delete "sweep-$host" 2>/dev/null || true; done
    ip link delete sweep-bridge 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

ip link add sweep-bridge type bridge
ip address add 10.77.0.1/24 dev sweep-bridge
ip link set sweep-bridge up
number=1
for host in one two; do
    number=$((number + 1))
    ip netns add "sweep-$host"
    ip link add "sweep-$host" type veth peer name eth0 netns "sweep-$host"
    ip link set "sweep-$host" master sweep-bridge up
    ip -n "sweep-$host" address add "10.77.0.$number/24" dev eth0
    ip -n "sweep-$host" link set eth0 up
    ip -n "sweep-$host" link set lo up
done

export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False # samples of stacks are work, too
"$python" -m distributed.cli.dask_scheduler --host 10.77.0.1 --port 8786 --no-dashboard \
    >"$scratch/scheduler.log" 2>&1 &
started+=($!)
number=1
for host in one two; do
    number=$((number + 1))
    ip netns exec "sweep-$host" unshare --uts sh -c \
        'hostname "$0" && exec "$@"' "host-$host" \
        "$python" -m distributed.cli.dask_worker tcp://10.77.0.1:8786 --host "10.77.0.$number" \
        --nthreads 1 --no-dashboard --local-directory "$scratch/$host" \
        >"$scratch/$host.log" 2>&1 &
    started+=($!)
done
for _ in $(seq 60); do
    [ "$(grep -c 'Register worker' "$scratch/scheduler.log")" -ge 2 ] && break
    sleep 1
done || true

status=0
"$python" -m convbench sweep --scheduler tcp://10.77.0.1:8786 --commits "$range" \
    --bench "$cells" --environments "$environments" || status=$?
echo
echo "which host measured what:"
for notes in results/*/*.hosts.jsonl; do
    "$python" - "$notes" <<'READ'
import json
import sys
from collections import Counter
from pathlib import Path

path = Path(sys.argv[1])
lines = map(json.loads, path.read_text().splitlines())
counts = Counter(f"{line['host']} ({line['address']})" for line in lines)
print(f"  {path.parent.name}/{path.name[:8]}:", ", ".join(f"{n} by {h}" for h, n in counts.items()))
READ
done
exit "$status"
