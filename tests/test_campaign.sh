#!/usr/bin/env bash
# A fixed slice of the standard campaign: groups of all sizes under all faults, and not one of them violates anything or
# is undecided; and each kind of record, with each of its reasons, is reached by it or by the scenario for rare elections,
# but for those that src/sim_coverage_never.c says are impossible, of which none is. Half a minute of two processors; less under
# sanitizers, where a run takes some ten times as long: then only a part of that can be reached.
set -euo pipefail
build=${FAULTLINE_BUILD:-build}
watched=300 judged=40 rare=20
case $build in */san) watched=40 judged=4 rare=2 ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$build/simulate" --swarm --seeds 1..$watched --jobs 2 --no-check --coverage --out "$dir/watched" | tee "$dir/watched.txt"
"$build/simulate" --swarm --seeds 1001..$((1000 + judged)) --jobs 2 --out "$dir/judged"
"$build/simulate" --seeds 1..$rare --jobs 2 --no-check --coverage --out "$dir/rare" "$(dirname "$0")/scenarios/elections.json" | tee "$dir/rare.txt"
if grep -h '^  thought impossible' "$dir/watched.txt" "$dir/rare.txt"; then exit 1; fi
[ $watched = 300 ] || exit 0
missing=$(comm -12 <(grep '^  never' "$dir/watched.txt" | sort) <(grep '^  never' "$dir/rare.txt" | sort))
[ -z "$missing" ] || { echo "no run reached:"; echo "$missing"; exit 1; }
