#!/usr/bin/env bash
# run.sh BUILD TEST...: runs each test program or script, two at a time; a line each, the whole output of those that failed.
set -u
build=$1
shift
export FAULTLINE_BUILD=$build
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export LOGS=$logs
one() {
    local name log start rc ms
    name=$(basename "$1")
    log=$LOGS/$name
    start=$(date +%s%N)
    timeout --kill-after=5 "${TEST_TIMEOUT:-300}" "$1" >"$log" 2>&1 </dev/null
    rc=$?
    ms=$((($(date +%s%N) - start) / 1000000))
    if [ $rc = 0 ]; then
        echo "$ms" >"$log.ok"
        printf 'ok    %-34s %6d ms  %s\n' "$name" "$ms" "$(sed -n 's/^\[  PASSED  \] \(.*\)\.$/\1/p' "$log" | tail -n 1)"
    else
        printf 'FAIL  %-34s %6d ms  exit status %d\n' "$name" "$ms" $rc
        sed 's/^/      | /' "$log" | tail -n "${TEST_LINES:-120}"
    fi
}
export -f one
printf '%s\0' "$@" | xargs -0 -n 1 -P "${TEST_JOBS:-2}" bash -c 'one "$1"' _
passed=$(find "$logs" -name '*.ok' | wc -l)
failed=$(($# - passed))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
