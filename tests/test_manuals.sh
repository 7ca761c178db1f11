#!/usr/bin/env bash
# Every option that a program's --help names is in its manual page, every command of analyze too; and the other way round.
set -u
build=${FAULTLINE_BUILD:-build}
status=0
options() { grep -oE -- '--[a-z][a-z-]*' | sort -u; }
compare() { # NAME HELP PAGE
    local missing
    missing=$(comm -3 <(options <<<"$2") <(sed 's/\\-/-/g' "$3" | options) | tr -d '\t' | tr '\n' ' ')
    if [ -n "$missing" ]; then
        echo "$1: only in one of --help and $3: $missing"
        status=1
    fi
}
for p in replica kv simulate; do
    compare "$p" "$("$build/$p" --help)" "src/faultline-$p.1"
done
help=$("$build/analyze" --help)
commands=$("$build/analyze" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' | sort -u)
[ -n "$commands" ] || { echo "analyze --help names no commands"; exit 1; }
for c in $commands; do
    help+=$'\n'$("$build/analyze" "$c" --help)
    grep -qE "^\.(SS|TP|B|BR|BI) .*\b$c\b" analyze/faultline-analyze.1 || { echo "analyze $c: not in the manual page"; status=1; }
done
compare analyze "$help" analyze/faultline-analyze.1
exit $status
