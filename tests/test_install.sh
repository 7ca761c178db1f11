#!/usr/bin/env bash
# make install puts everything where it belongs, what is installed works, and make uninstall leaves nothing.
set -eu
build=${FAULTLINE_BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "test_install: $*"; exit 1; }
at=$work/usr

make --no-print-directory B="$build" DESTDIR="$work" PREFIX=/usr install >"$work/log" 2>&1 || { cat "$work/log"; fail "make install"; }
for f in bin/faultline-replica bin/faultline-kv bin/faultline-simulate bin/faultline-analyze lib/libfaultline-trace.a \
    share/man/man1/faultline-analyze.1 share/man/man5/faultline-trace.5 share/zsh/site-functions/_faultline \
    share/fish/vendor_completions.d/faultline.fish share/faultline/lnav.json share/faultline/trace.schema.json; do
    [ -s "$at/$f" ] || fail "$f is not there"
done
"$at/bin/faultline-analyze" --version >/dev/null || fail "faultline-analyze does not run"

# A program of somebody else, built against what is installed.
cat >"$work/p.c" <<'C'
#include <trace.h>
int main(void) { return trace_hash("x", 1) == 0; }
C
flags=$(PKG_CONFIG_PATH=$at/lib/pkgconfig pkg-config --define-variable=prefix="$at" --cflags --libs faultline-trace) || fail pkg-config
# With what the library was built with: make hands down SAN.
# shellcheck disable=SC2086
${CC:-cc} "$work/p.c" -o "$work/p" $flags ${SAN:-} || fail "a program that uses the library does not build"
"$work/p" || fail "it does not run"

# Every option of every command is completed, and nothing else.
complete_words() { ( # PROGRAM WORD...: what is offered for the last word
    # shellcheck disable=SC1091
    source "$at/share/bash-completion/completions/faultline"
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _faultline
    printf '%s\n' "${COMPREPLY[@]}"
) }
options() { grep -oE -- '--[a-z][a-z-]*' | sort -u; }
same() { [ "$1" = "$2" ] || fail "completion of $3: $(diff <(echo "$1") <(echo "$2"))"; }
for p in replica kv simulate; do
    same "$("$build/$p" --help | options)" "$(complete_words "faultline-$p" -- | sort -u)" "$p"
done
commands=$("$build/analyze" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
for c in $commands; do
    [ "$(complete_words faultline-analyze "$c")" = "$c" ] || fail "analyze $c is not completed"
    [ "$c" = help ] || same "$("$build/analyze" "$c" --help | options)" "$(complete_words faultline-analyze "$c" -- | sort -u)" "analyze $c"
    grep -qE " $c( |\))" "$at/share/zsh/site-functions/_faultline" || fail "zsh does not know analyze $c"
    grep -q -- "-a $c\$" "$at/share/fish/vendor_completions.d/faultline.fish" || fail "fish does not know analyze $c"
done
if command -v zsh >/dev/null; then zsh -n "$at/share/zsh/site-functions/_faultline" || fail "zsh does not read its completions"; fi
if command -v fish >/dev/null; then fish -n "$at/share/fish/vendor_completions.d/faultline.fish" || fail "fish does not read its"; fi

make --no-print-directory B="$build" DESTDIR="$work" PREFIX=/usr uninstall >"$work/log" 2>&1 || { cat "$work/log"; fail "make uninstall"; }
left=$(find "$at" -not -type d)
[ -z "$left" ] || fail "left behind: $left"
