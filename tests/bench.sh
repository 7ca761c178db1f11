#!/usr/bin/env bash
# bench.sh BUILD BENCH...: runs each benchmark; what they print are ratios measured in one run, on this machine.
set -eu
shift
grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: /cpu: /' || true
for b in "$@"; do
    echo
    echo "== $(basename "$b")"
    "$b"
done
