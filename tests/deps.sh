#!/usr/bin/env bash
# Installs what is missing to build and test, and says what; installs nothing when nothing is missing.
set -eu
need=()
want() { # PACKAGE TEST...: the package is needed when the test fails
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || need+=("$package")
}
have() { command -v "$1"; }
library() { pkg-config --exists "$1"; }
compiler() { printf '#include <stdio.h>\nint main(void) { return 0; }\n' | "${CC:-cc}" -x c -fsyntax-only -; }
want gcc have "${CC:-cc}"
want libc6-dev compiler
want binutils have ar
want pkg-config have pkg-config
want libjansson-dev library jansson
want libsqlite3-dev library sqlite3
want libsodium-dev library libsodium
want zlib1g-dev library zlib
want libzstd-dev library libzstd
want libcmocka-dev library cmocka
[ ${#need[@]} -gt 0 ] || exit 0

line="apt-get install -y --no-install-recommends ${need[*]}"
if ! command -v apt-get >/dev/null; then
    echo "missing: ${need[*]} (Debian's names); install them with this system's package manager, then try again" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
elif command -v sudo >/dev/null && [ -t 0 ]; then
    as_root=(sudo)
else
    echo "missing: ${need[*]}" >&2
    echo "install them as root, then try again:" >&2
    echo "    apt-get update && $line" >&2
    exit 1
fi
echo "installing: ${need[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# A new machine has no package lists, or old ones: ask for them only when the plain install fails.
if ! "${as_root[@]}" $line >"$log" 2>&1; then
    if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" $line; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "could not install ${need[*]}; try by hand: apt-get update && $line" >&2
        exit 1
    fi
fi
