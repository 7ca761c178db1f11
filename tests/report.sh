#!/usr/bin/env bash
# report.sh BUILD: makes runs in virtual time, writes their pages with analyze, and opens them in chromium. Needs chromium,
# node and npm (for playwright-core and axe-core, installed into BUILD); says so and does nothing where they are missing.
set -eu
build=$(realpath "$1")
for program in chromium node npm; do
    command -v $program >/dev/null && continue
    echo "skipped: the report's browser tests need $program (Debian: apt-get install chromium nodejs npm)"
    exit 0
done
modules=$build/report-tests
mkdir -p "$modules"
cp tests/report/package.json tests/report/package-lock.json tests/report/*.mjs "$modules"
if ! (cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1); then
    tail -n 5 "$modules/npm.log"
    echo "skipped: npm could not install playwright-core and axe-core"
    exit 0
fi

runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
mkdir "$runs/many"
simulate() { # NAME ARGUMENT...
    local name=$1
    shift
    "$build/simulate" --out "$runs/$name" "$@" >"$runs/log" 2>&1 || { cat "$runs/log"; exit 1; }
}
simulate many/stale --seed 3 --reads local tests/scenarios/stale-read.json
simulate many/clean --seed 3 tests/scenarios/lossy-partition-kill.json
cp -r "$runs/many/stale" "$runs/lossy"
sed -i '300,320d' "$runs/lossy/0001.1.jsonl"
cp -r "$runs/many/stale" "$runs/all"
mkdir "$runs/box"
cp "$runs/many/stale/sim.1.jsonl" "$runs/box"
node "$modules/hostile.mjs" "$runs/hostile"
for run in many lossy box hostile; do
    "$build/analyze" report "$runs/$run" >>"$runs/log" 2>&1 || { cat "$runs/log"; exit 1; }
done
"$build/analyze" report "$runs/all" --all >>"$runs/log" 2>&1
# A run of 1,000,000 records, and as much of it as a page holds: the checks of clients are enough to have violations.
node "$modules/million.mjs" "$runs/million" 1000000
"$build/analyze" check "$runs/million" --only C1,C2 >>"$runs/log" 2>&1 || [ $? = 1 ]
start=$(date +%s%N)
"$build/analyze" report "$runs/million" >>"$runs/log" 2>&1
between=$(date +%s%N)
"$build/analyze" report "$runs/million" --from 0 --to 1000s -o "$runs/million/full.html" >>"$runs/log" 2>&1
end=$(date +%s%N)
echo "reports of a run of 1,000,000 records: $(((between - start) / 1000000)) ms; $(((end - between) / 1000000)) ms for one that fills its size"
ANALYZE=$build/analyze RUNS=$runs CHROMIUM=$(command -v chromium) node --test --test-reporter=spec "$modules/"*.test.mjs
