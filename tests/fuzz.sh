#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS FUZZER...: builds the libFuzzer targets of tests/fuzz/ with clang and lets each run, from the inputs in
# tests/fuzz/NAME/ on. What it finds interesting is kept below BUILD; an input that breaks something is named at the end.
set -eu
build=$1 seconds=$2
shift 2
if ! echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n); int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return !p && n; }' |
    clang -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null; then
    echo "make fuzz needs clang and its runtime libraries: apt-get install clang libclang-rt-dev" >&2
    exit 1
fi
make --no-print-directory CC=clang B="$build" OPT='-O1 -g -fno-omit-frame-pointer' \
    SAN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzzers
for fuzzer in "$@"; do
    name=${fuzzer%_fuzzer}
    mkdir -p "$build/corpus/$name" "$build/found"
    dict=()
    [ ! -f "tests/fuzz/$name.dict" ] || dict=(-dict="tests/fuzz/$name.dict")
    "$build/$fuzzer" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 "${dict[@]}" \
        -artifact_prefix="$build/found/$name-" "$build/corpus/$name" "tests/fuzz/$name"
done
