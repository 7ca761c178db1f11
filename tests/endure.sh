#!/usr/bin/env bash
# endure.sh BUILD [SECONDS [SEED]]: tests/scenarios/kill9.json for SECONDS (default 300) instead of 20: five durable
# replicas under load on a lossy network, one killed with SIGKILL every two seconds, each fourth time all of them. Passes
# (exit status 0) when the simulator's and all of the analyzer's checks do, and when each key is read back at the end with
# a value that no acknowledged write had replaced. The run's directory is kept when it did not pass.
# PROGRAM names another replica than BUILD/replica, ARGS its arguments (words; for ours: --compact-entries 200, so that
# logs are cut and snapshots stored while it goes on).
set -eu
build=${1:?usage: endure.sh BUILD [SECONDS [SEED]]} seconds=${2:-300} seed=${3:-1}
here=$(cd "$(dirname "$0")" && pwd)
dir=$build/endure-$seed
words=()
for arg in ${ARGS---compact-entries 200}; do words+=(--replica-arg "$arg"); done
[ "$seconds" -ge 20 ] || { echo "endure.sh: at least 20 seconds" >&2; exit 64; }
sed "s/\"lifetime\": 20/\"lifetime\": $seconds/; s/\"end\": 14.0/\"end\": $((seconds - 6)).0/" \
    "$here/scenarios/kill9.json" >"$dir.json"
rc=0
rm -rf "$dir"
"$build/simulate" --replica "${PROGRAM:-$build/replica}" "${words[@]}" --data --silence --check --seed "$seed" \
    --out "$dir" "$dir.json" 2>"$dir.err" || rc=$?
[ $rc = 0 ] || { echo "endure.sh: exit status $rc; see $dir and $dir.err" >&2; exit $rc; }

# From the operations alone, beside the checks: what each key was after its last write, as read then.
answer=$("$build/analyze" sql "$dir" --format csv "
    WITH put AS (SELECT key, val, t_invoke, t_return, result FROM ops WHERE f = 'put'),
         last AS (SELECT key, max(t_invoke) AS t FROM put GROUP BY key),
         back AS (SELECT o.key, o.val, o.t_invoke FROM ops o JOIN last USING (key)
                  WHERE o.f = 'get' AND o.result = 'ok' AND o.t_invoke > last.t),
         lost AS (SELECT DISTINCT b.key FROM back b LEFT JOIN put w ON w.key = b.key AND w.val = b.val
                  WHERE EXISTS (SELECT 1 FROM put x WHERE x.key = b.key AND x.result = 'ok'
                                AND x.t_return < b.t_invoke
                                AND (w.val IS NULL OR w.result = 'ok' AND w.t_return < x.t_invoke)))
    SELECT (SELECT count(*) FROM last), (SELECT count(DISTINCT key) FROM back), (SELECT count(*) FROM back),
           (SELECT count(*) FROM lost), (SELECT count(*) FROM put WHERE result = 'ok')" | tail -n 1)
IFS=, read -r keys read_back reads lost acknowledged <<<"$answer"
echo
echo "read back at the end: $read_back of $keys keys in $reads reads; $lost of them older than an acknowledged write;" \
    "$acknowledged writes were acknowledged"
[ "$read_back" = "$keys" ] && [ "$keys" -gt 0 ] && [ "$lost" = 0 ] || { echo "endure.sh: see $dir" >&2; exit 1; }
rm -rf "$dir" "$dir.err" "$dir.json"
