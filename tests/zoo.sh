#!/usr/bin/env bash
# The zoo: real defects of Raft implementations, each a small patch against our source. Each is applied to a copy, built, and
# run through a campaign of seeds; the analyzer must find it, by the rule that it breaks first. tests/zoo.sh BUILD [ID...]
#
# A patch begins with lines that say: Source, where the defect is known from; Exposed, by what; Scenario, of tests/zoo/;
# Options, of simulate; Rule, those that may be the first one broken; Outside, what a client can see of it with nothing
# but the network's records ("no": nothing to rely on). It is not found when SEEDS seeds (default 20) show nothing, and it
# is wrong when another rule comes first. Prints how many seeds each took.
set -euo pipefail
build=$1
shift
seeds=${SEEDS:-20}
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
out=$build/zoo
mkdir -p "$out"
common=(--replica-arg --election-ms --replica-arg 150-300 --replica-arg --heartbeat-ms --replica-arg 50)

field() { sed -n "s/^$1: *//p" "$2" | head -1; }

# A copy with the objects that are there already: only what the patch changes is compiled.
plant() { # ID
    local copy=$out/$1
    rm -rf "$copy"
    mkdir -p "$copy/$build/obj"
    cp -a "$top/src" "$top/trace" "$top/Makefile" "$copy"
    cp -a "$build"/flags "$build"/version "$copy/$build"
    cp -a "$build"/obj/src "$build"/obj/trace "$copy/$build/obj"
    (cd "$copy" && patch -s -p1 -F0 --no-backup-if-mismatch) <"$here/zoo/$1.patch" || return 1
    make -s --no-print-directory CC="${CC:-cc}" -C "$copy" B="$build" "$build/simulate" >"$copy/make.log" 2>&1 || return 1
    ln -sf "$(cd "$build" && pwd)/analyze" "$copy/$build/analyze"
}

# Runs seeds until one shows it. Prints "SEED RULE CLASS", or nothing.
hunt() { # ID OPTIONS...
    local copy=$out/$1 patch=$here/zoo/$1.patch
    shift
    local options=()
    read -ra options <<<"$(field Options "$patch")"
    rm -rf "$copy/runs"
    "$copy/$build/simulate" "$here/zoo/$(field Scenario "$patch")" --seeds "1..$seeds" --stop --go-on --quiet \
        "${common[@]}" "${options[@]}" "$@" --out "$copy/runs" >"$copy/hunt.log" 2>&1 || true
    # FAIL  RULE CLASS: N of M seeds, first SEED, ...
    sed -n 's/^FAIL  *\([A-Z][0-9a-z]*\) *\([a-z0-9-]*\): .* first \([0-9]*\),.*/\3 \1 \2/p' "$copy/hunt.log" | sort -n | head -1
}

ids=("$@")
[ ${#ids[@]} -gt 0 ] || mapfile -t ids < <(cd "$here/zoo" && printf '%s\n' *.patch | sed 's/\.patch$//')
failed=0
took=()

# First the other direction: where nothing is planted, nothing may be found.
control() {
    local patch options
    for patch in "${ids[@]/%/.patch}"; do
        echo "$(field Scenario "$here/zoo/$patch")|$(field Options "$here/zoo/$patch")"
    done | sort -u | while IFS='|' read -r scenario options; do
        read -ra options <<<"$options"
        "$build/simulate" "$here/zoo/$scenario" --seeds 1..3 --quiet --force "${common[@]}" "${options[@]}" \
            --out "$out/control" >"$out/control.log" 2>&1 ||
            { echo "without any defect, $scenario ${options[*]}:"; cat "$out/control.log"; return 1; }
    done
}
control
printf '%-38s %6s  %-5s %s\n' defect seeds rule class
for id in "${ids[@]}"; do
    patch=$here/zoo/$id.patch
    if ! plant "$id"; then
        printf '%-38s %6s  the patch does not apply or build: %s\n' "$id" - "$out/$id"
        failed=$((failed + 1))
        continue
    fi
    read -r seed rule class <<<"$(hunt "$id")" || true
    wanted=" $(field Rule "$patch") " outside=$(field Outside "$patch") words=
    if [ -z "${seed:-}" ]; then
        words="not found in $seeds seeds"
    elif [[ $wanted != *" $rule "* ]]; then
        words="first broken rule should be$wanted"
    elif [ "$outside" != no ]; then
        read -r seen check symptom <<<"$(hunt "$id" --replicas-black-box)" || true
        [ -n "${seen:-}" ] || words="not seen from outside in $seeds seeds"
        symptom=${check:-} seen=${seen:-}
    fi
    printf '%-38s %6s  %-5s %s%s\n' "$id" "${seed:--}" "${rule:--}" "${class:-}" \
        "$([ "$outside" = no ] || echo "   from outside: seed ${seen:--} ${check:-}")${words:+   WRONG: $words}"
    [ -z "$words" ] || failed=$((failed + 1))
    [ -z "${seed:-}" ] || took+=("$seed")
    [ -n "$words" ] || rm -rf "${out:?}/$id"
done
median=$(printf '%s\n' "${took[@]}" | sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}')
echo "${#ids[@]} defects, $((${#ids[@]} - failed)) caught as they should be, median $median seeds"
[ "$failed" -eq 0 ]
