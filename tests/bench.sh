#!/usr/bin/env bash
# bench.sh BUILD BENCH...: runs each benchmark; what they print are ratios measured in one run, on this machine.
# BENCH_ARGS: for bench_replica, such as "--quick" or "--only disk". The replica's figures go to BUILD/bench/replica.json too.
set -eu
build=$1
shift
grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: /cpu: /' || true
for b in "$@"; do
    echo
    echo "== $(basename "$b")"
    case $b in
    */bench_replica) "$b" --replica "$build/replica" --json "$build/bench/replica.json" ${BENCH_ARGS:-} ;;
    *) "$b" ;;
    esac
done
