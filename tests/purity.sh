#!/usr/bin/env bash
# purity.sh OBJECT...: the core's objects may need nothing from outside but memory, strings and abort(); and no source
# may include through a wall of the design.
set -eu
allowed='malloc|calloc|realloc|free|abort|memcpy|memmove|memset|memcmp|strlen|strcmp|strncmp|strchr|qsort|__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'
defined=$(nm --defined-only -g "$@" | awk 'NF == 3 { print $3 }' | sort -u)
foreign=$(nm -u "$@" | awk '$1 == "U" { print $2 }' | sort -u | grep -vxE "$allowed" | grep -vxF "$defined" || true)
if [ -n "$foreign" ]; then
    echo "the core needs what it may not touch:" $foreign >&2
    nm -A -u "$@" | grep -wF "$foreign" >&2
    exit 1
fi
state=$(nm -A --defined-only "$@" | awk '$2 ~ /^[bBdDC]$/ || $(NF-1) ~ /^[bBdDC]$/' || true)
if [ -n "$state" ]; then
    echo "global mutable state in the core:" >&2
    echo "$state" >&2
    exit 1
fi
walls=$( {
    grep -nE '#include "(\.\./)?(analyze/|lin|db\.|history|cli\.|check\.)' src/*.[ch]
    grep -nE '#include "(\.\./)?(src/|raft|replica|kv\.|wire|udp|sim_|rng|message)' analyze/*.[ch] trace/*.[ch]
    grep -nE '#include [<"](stdio|sys/|unistd|time|jansson|sqlite3|trace)' src/raft*.[ch] src/kv*.[ch] src/rng.[ch] src/message.h
    grep -nE '#include [<"](jansson)' trace/trace_writer.c
    } || true)
if [ -n "$walls" ]; then
    echo "an include through a wall:" >&2
    echo "$walls" >&2
    exit 1
fi
echo "pure: $# objects of the core need only memory and strings"
