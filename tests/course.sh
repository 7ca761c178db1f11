#!/usr/bin/env bash
# course.sh BUILD [N [P [SCENARIO...]]]: runs the course's scenarios N times each (default 1), P runs at once (default 4:
# they are idle most of the time), each with --check and a seed of its own, 1 to N. Prints, per scenario, how often it was
# correct and the medians of what the course scores, with their tiers (0 Bonus, 1 Full, 2 Partial, 3 None), against the
# tiers that are the best to be had. The median of an even number of runs is the mean of the two in the middle.
# One failure is not the replica's: the course fails a run when more than a tenth of the gets could not be made because
# the client that drew them had no key yet. Where it had sent no put either, no replica could have helped; a run that
# fails for that alone counts as correct, and is said to have been unlucky (advanced-3: one in forty).
# A measurement, and only correctness is a verdict: exit status 1 when a run was not correct; its directory is kept.
# PROGRAM names another replica than BUILD/replica, ARGS its arguments (words).
set -eu
export build=${1:?usage: course.sh BUILD [N [P [SCENARIO...]]]}
n=${2:-1} at_once=${3:-4}
shift $(($# < 3 ? $# : 3))
[ $# -gt 0 ] || set -- simple-1 simple-2 unreliable-1 unreliable-2 crash-1 crash-2 crash-3 partition-1 partition-2 \
    partition-3 advanced-1 advanced-3
export program=${PROGRAM:-$build/replica} args=${ARGS:-}
here=$(cd "$(dirname "$0")" && pwd)
export here out=$build/course
rm -rf "$out"
mkdir -p "$out"

figure() { sed -n "s/.*\"$2\": \\(-\\{0,1\\}[0-9][0-9]*\\).*/\\1/p" "$1" | head -n 1; }
unlucky() { # DIR: the one check that failed is that of the gets that were made, and would have failed anyhow
    [ "$(grep -c '"result": "fail"' "$1/run.json")" = 1 ] &&
        grep -A 1 '"name": "gets generated"' "$1/run.json" | grep -q '"fail"' &&
        [ $((10 * $(figure "$1/run.json" get_before_any_put))) -gt "$(figure "$1/run.json" gets)" ] &&
        "$build/analyze" check "$1" >/dev/null 2>&1
}
one() {
    local name=${1% *} seed=${1#* } dir arg words=() rc=0 luck=
    dir=$out/$name-$seed
    for arg in $args; do words+=(--replica-arg "$arg"); done
    "$build/simulate" --replica "$program" "${words[@]}" --silence --check --seed "$seed" --out "$dir" \
        "$here/scenarios/$name.json" >"$dir.log" 2>&1 </dev/null || rc=$?
    [ -f "$dir/run.json" ] || { cat "$dir.log" >&2; return 0; }
    if [ $rc = 1 ] && unlucky "$dir"; then
        rc=0 luck=unlucky
    fi
    printf '%s %s %s %s %s %s %s %s\n' "$name" "$seed" "$rc" "$(figure "$dir/run.json" total_msgs)" \
        "$(figure "$dir/run.json" failures)" "$(figure "$dir/run.json" duplicates)" \
        "$(figure "$dir/run.json" median_latency_ns)" "$luck" >>"$out/figures"
    if [ $rc = 0 ]; then
        rm -rf "$dir" "$dir.log"
    else
        echo "$name, seed $seed: exit status $rc; see $dir.log and $dir" >&2
    fi
}
export -f one figure unlucky

: >"$out/figures"
for ((seed = 1; seed <= n; seed++)); do
    for name in "$@"; do printf '%s %s\0' "$name" "$seed"; done
done | xargs -0 -n 1 -P "$at_once" bash -c 'one "$1"' _

bad=0
printf '%-14s %-8s  %16s  %12s  %12s  %16s  %s\n' scenario correct total_msgs failures duplicates median_latency 'tiers (aim)'
for name in "$@"; do
    case $name in
    simple-* | unreliable-* | crash-1 | crash-2) aim=0/1/1/0 ;;
    crash-3 | partition-*) aim=0/1/1/1 ;;
    advanced-*) aim=1/0/1/1 ;;
    *) aim=- ;;
    esac
    thresholds=$(for m in total_msgs failures duplicates median_latency; do
        sed -n "s/.*\"$m\": *\\[\\([^]]*\\)\\].*/\\1/p" "$here/scenarios/$name.json" | tr -d ' '
    done)
    awk -v name="$name" -v n="$n" -v aim="$aim" -v thresholds="$thresholds" '
        function median(m,    i, k, v, t) {
            for (i = 1; i <= rows; i++) v[i] = x[m, i]
            for (i = 2; i <= rows; i++)
                for (k = i; k > 1 && v[k - 1] > v[k]; k--) { t = v[k]; v[k] = v[k - 1]; v[k - 1] = t }
            return rows % 2 ? v[(rows + 1) / 2] : (v[rows / 2] + v[rows / 2 + 1]) / 2
        }
        function tier(m, value,    b, k) {
            split(bounds[m], b, ",")
            for (k = 0; k < 3 && !(value < b[k + 1]); k++) { }
            return k
        }
        $1 == name { rows++; correct += $3 == 0; for (m = 1; m <= 4; m++) x[m, rows] = $(m + 3) + 0 }
        $1 == name && $8 != "" { unlucky++ }
        $1 == name { x[4, rows] /= 1e9 }
        END {
            split(thresholds, bounds, "\n")
            if (rows == 0) { printf "%-14s no run was possible\n", name; exit 1 }
            for (m = 1; m <= 4; m++) { v[m] = median(m); t[m] = tier(m, v[m]) }
            tiers = t[1] "/" t[2] "/" t[3] "/" t[4]
            split(aim, a, "/")
            for (m = 1; m <= 4; m++) short = short || (aim != "-" && t[m] > a[m])
            printf "%-14s %3d of %-3d %14d:%d %12d:%d %12d:%d %13.3f ms:%d  %s (%s)%s\n", name, correct, n, v[1], t[1],
                v[2], t[2], v[3], t[3], v[4] * 1e3, t[4], tiers, aim,
                (short ? "  short of it" : "") (unlucky ? "  unlucky: " unlucky : "")
            exit correct < n
        }' "$out/figures" || bad=1
done
exit $bad
