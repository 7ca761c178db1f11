#!/usr/bin/env bash
# Runs every command of README.md's ```sh blocks, in order, in a copy of the tree. `make test` is what runs this: not again.
# A command whose comment says "exit status N" must end with N, all others with 0.
set -u
build=${FAULTLINE_BUILD:-build}
case $build in */san) echo "not under sanitizers: make demo would build without them"; exit 0 ;; esac
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -a Makefile README.md LICENSE src trace analyze tests "$copy"/ || exit 1
mkdir "$copy/build" && cp -a "$build"/{analyze,analyze.a,core.a,flags,gen,kv,libtrace.a,obj,replica,shell.a,sim.a,simulate,version} "$copy/build/" 2>/dev/null
ln -s build/replica "$copy/3700kvstore"
cd "$copy" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL FAULTLINE_BUILD
ran=0
while IFS= read -r command; do
    case $command in "" | "#"* | "make test"*) continue ;; esac
    want=$(sed -n 's/.*# .*exit status \([0-9]*\).*/\1/p' <<<"$command")
    timeout 200 bash -c "$command" >out 2>&1 </dev/null
    rc=$?
    if [ "$rc" != "${want:-0}" ]; then
        echo "README.md: exit status $rc, not ${want:-0}: $command"
        tail -n 40 out
        exit 1
    fi
    echo "ok: $command"
    ran=$((ran + 1))
done < <(awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md)
if [ "$ran" -lt 5 ]; then
    echo "README.md: only $ran commands found"
    exit 1
fi
