#!/usr/bin/env bash
# A fixed slice of the standard campaign: groups of all sizes under all faults, and not one of them violates anything or
# is undecided. Half a minute of two processors; less under sanitizers, where a run takes some ten times as long.
set -eu
build=${FAULTLINE_BUILD:-build}
watched=400 judged=40
case $build in */san) watched=60 judged=4 ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$build/simulate" --swarm --seeds 1..$watched --jobs 2 --no-check --out "$dir/watched"
"$build/simulate" --swarm --seeds 1001..$((1000 + judged)) --jobs 2 --out "$dir/judged"
