#!/usr/bin/env bash
# demo.sh BUILD: one lossy run with a partition and a leader kill, judged; then the same with unsafe local reads.
set -eu
build=$1
scenario=tests/scenarios/lossy-partition-kill.json
say() { printf '\n\033[1m== %s\033[0m\n\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n\n' "$*"; }

say "1/2  five replicas, a lossy network, a partition around the leader, a leader killed"
echo "\$ $build/simulate --replica $build/replica --check $scenario"
rc=0
"$build/simulate" --replica "$build/replica" --check "$scenario" || rc=$?
[ $rc = 0 ] || { echo "the run did not pass (status $rc): the demo expected every check to" >&2; exit 1; }

say "2/2  the same, but leaders answer reads from their own state (--reads local, unsafe)"
echo "\$ $build/simulate --replica $build/replica --reads local --check $scenario"
rc=0
"$build/simulate" --replica "$build/replica" --reads local --check "$scenario" || rc=$?
case $rc in
1) say "a stale read, caught and explained: exit status 1" ;;
0) echo "no stale read happened this time; run make demo again" >&2; exit 1 ;;
*) exit $rc ;;
esac

run=runs/$(readlink runs/latest)
[ -d "$run" ] || run=runs/latest
echo "\$ $build/analyze report $run"
"$build/analyze" report "$run"
echo "the same as a page to look at: file://$(realpath "$run/report.html")"
