#!/usr/bin/env bash
# determinism.sh SIMULATE...: the same seeds must give the same traces, byte for byte, whatever compiler and optimisation
# made the program. Prints the hash of each run, and fails when two programs differ.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: determinism.sh SIMULATE SIMULATE..." >&2; exit 64; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
for scenario in lossiest lossy-partition-kill crash-3 stale-read; do
    for seed in 1 2 3; do
        expected=
        for program in "$@"; do
            "$program" --quiet --verify --force --seed $seed --out "$dir/run" "tests/scenarios/$scenario.json" >"$dir/out" 2>&1 || true
            hash=$(sed -n 's/^verified: twice the same traces, //p' "$dir/out")
            [ -n "$hash" ] || { cat "$dir/out"; echo "$program: $scenario, seed $seed: no verified run"; exit 1; }
            : "${expected:=$hash}"
            if [ "$hash" != "$expected" ]; then
                echo "$scenario, seed $seed: $program gives $hash, $1 gave $expected"
                status=1
            fi
        done
        echo "$scenario, seed $seed: $expected"
    done
done
exit $status
