#!/usr/bin/env bash
# determinism.sh SIMULATE...: the same seeds must give the same traces, byte for byte, whatever compiler and optimisation
# made the program. Prints the hash of each run, and fails when two programs differ.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: determinism.sh SIMULATE SIMULATE..." >&2; exit 64; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
programs=("$@")
status=0

# The run that the arguments ask for, by each program.
compare() {
    local expected= hash program
    for program in "${programs[@]}"; do
        "$program" --quiet --verify --force --out "$dir/run" "$@" >"$dir/out" 2>&1 || true
        hash=$(sed -n 's/^verified: twice the same traces, //p' "$dir/out")
        [ -n "$hash" ] || { cat "$dir/out"; echo "$program $*: no verified run"; exit 1; }
        : "${expected:=$hash}"
        if [ "$hash" != "$expected" ]; then
            echo "$*: $program gives $hash, ${programs[0]} gave $expected"
            status=1
        fi
    done
    echo "$*: $expected"
}

for seed in 1 2 3; do
    for scenario in lossiest lossy-partition-kill crash-3 stale-read; do
        compare --seed $seed tests/scenarios/$scenario.json
    done
done
for seed in {1..20}; do # groups of all sizes, disks, clocks, schedules
    compare --seed $seed --swarm
done
exit $status
