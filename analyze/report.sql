-- What each panel of the HTML report is made of: `analyze report` runs these, and the page shows them (key q) with the
-- parameters filled in. Times are ns since the run's epoch; a span of time is [:from, :to).

-- name: violations
-- What the checks found, in the order of its number.
SELECT violation_id, "check", severity, t, node, key, title, fingerprint, first_bad_rec
FROM violations
WHERE run_id = :run
ORDER BY violation_id;

-- name: evidence
-- What proves one violation, in order.
SELECT pos, part, rec, op_id, msg_id, fault_id, note
FROM violation_evidence
WHERE violation_id = :violation
ORDER BY pos
LIMIT 100;

-- name: lifetimes
-- Of each value that the evidence is about: its first answer and its last call; between them it was certainly current.
WITH v AS (
  SELECT DISTINCT o.run_id, o.key, coalesce(o.val, '') AS val
  FROM violation_evidence e JOIN ops o USING (op_id)
  WHERE e.violation_id = :violation AND o.key IS NOT NULL AND o.result <> 'fail')
SELECT v.key, v.val,
       min(CASE WHEN o.result = 'ok' THEN o.t_return END) AS first_answer, max(o.t_invoke) AS last_call,
       sum(o.f = 'get') AS reads, sum(o.f <> 'get') AS writes
FROM v JOIN ops o ON o.run_id = v.run_id AND o.key = v.key AND coalesce(o.val, '') = v.val
WHERE o.f <> 'get' OR o.result = 'ok'
GROUP BY v.key, v.val
HAVING first_answer IS NOT NULL
ORDER BY last_call;

-- name: checks
-- Every check and its answer.
SELECT "check", verdict, examined, note
FROM checks
WHERE run_id = :run;

-- name: faults
-- What was done to the run, and when.
SELECT fault_id, coalesce(f, fault_id) AS f, kind, node, target, t_begin, t_end, begin_rec, end_rec
FROM faults
WHERE run_id = :run
ORDER BY t_begin, fault_id
LIMIT :limit;

-- name: terms
-- Who led which term, from when to when, and why no longer.
SELECT node, boot, term, t_start, t_end, end_why, start_rec, end_rec, origin
FROM leader_terms
WHERE run_id = :run
ORDER BY t_start, term, node
LIMIT :limit;

-- name: links
-- Each link: datagrams, lost ones, duplicates.
SELECT src, dst, count(*) AS sent, sum(fate = 'dropped') AS lost, sum(copy > 1) AS copies,
       group_concat(DISTINCT CASE WHEN fate = 'dropped' THEN why END) AS why
FROM messages
WHERE run_id = :run
GROUP BY src, dst
ORDER BY src, dst;

-- name: boots
-- Each process: when it ran, how its trace ends, what is missing of it.
SELECT node, boot, t_start, t_end, end_kind, records, missing
FROM boots
WHERE run_id = :run
ORDER BY node, boot;

-- name: gaps
-- Stretches of which records are missing.
SELECT node, boot, after_seq, missing, CAST(from_ms * 1e6 AS INTEGER) AS t_from, CAST(to_ms * 1e6 AS INTEGER) AS t_to
FROM seq_gaps
WHERE run_id = :run
LIMIT :limit;

-- name: overview-records
-- When each node wrote records.
SELECT node, t
FROM records
WHERE run_id = :run
ORDER BY node, t;

-- name: overview-messages
-- When datagrams were sent, and which were lost.
SELECT coalesce(t_send, t_in) AS t, fate = 'dropped' AS lost
FROM messages
WHERE run_id = :run;

-- name: overview-operations
-- When operations were answered, and how long that took.
SELECT t_return, t_return - t_invoke AS latency
FROM ops
WHERE run_id = :run AND result = 'ok' AND t_return IS NOT NULL
ORDER BY t_return;

-- name: records
-- Every record of a span of time.
SELECT id, t, node, boot, seq, ev, cause, term, role, commit_idx, applied_idx, last_idx, line, source_id, body
FROM records
WHERE run_id = :run AND t >= :from AND t < :to
ORDER BY id;

-- name: messages
-- Every datagram that was sent, lost, delivered or received in a span of time.
WITH span AS (SELECT min(id) AS a, max(id) AS b FROM records WHERE run_id = :run AND t >= :from AND t < :to)
SELECT msg_id, d, copy, src, dst, type, term, coalesce(t_send, t_in, t_out, t_recv) AS t0,
       coalesce(t_recv, t_out, (SELECT t FROM records WHERE id = drop_rec)) AS t1, fate, why, fault_id,
       send_rec, in_rec, out_rec, drop_rec, recv_rec
FROM messages
WHERE run_id = :run AND msg_id IN (
  SELECT msg_id FROM messages, span WHERE send_rec BETWEEN a AND b
  UNION SELECT msg_id FROM messages, span WHERE recv_rec BETWEEN a AND b
  UNION SELECT msg_id FROM messages, span WHERE out_rec BETWEEN a AND b
  UNION SELECT m.msg_id FROM nodes n JOIN messages m ON m.run_id = n.run_id AND m.dst = n.node
        AND m.t_in >= :from AND m.t_in < :to WHERE n.run_id = :run)
ORDER BY msg_id;

-- name: operations
-- Every operation that was under way in a span of time.
SELECT op_id, op, client, f, key, val, t_invoke, t_return, result, served_by, tries, why, invoke_rec, return_rec
FROM ops
WHERE run_id = :run AND t_invoke < :to AND coalesce(t_return, 9223372036854775807) >= :from
ORDER BY op_id;

-- name: state
-- The state of every replica at a time: its last record before then.
SELECT r.node, r.boot, r.seq, r.t, r.role, r.term, r.last_idx, r.commit_idx, r.applied_idx
FROM nodes n JOIN records r ON r.id = (
  SELECT id FROM records x WHERE x.run_id = n.run_id AND x.node = n.node AND x.t < :from AND x.role IS NOT NULL
  ORDER BY x.t DESC, x.id DESC LIMIT 1)
WHERE n.run_id = :run AND n.kind = 'replica'
ORDER BY r.node;

-- name: values
-- What each replica applied in a span of time, and last before it, for the keys that violations are about.
WITH e AS (
  SELECT key, node, val, t_apply FROM log_entries l
  WHERE run_id = :run AND t_apply < :to AND op NOT IN ('noop', 'conf')
    AND key IN (SELECT DISTINCT key FROM violations WHERE run_id = :run AND key IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM records WHERE id = l.apply_rec AND json_extract(body, '$.dup')))
SELECT key, node, val, max(t_apply) AS t FROM e WHERE t_apply < :from GROUP BY key, node
UNION ALL
SELECT key, node, val, t_apply FROM e WHERE t_apply >= :from
ORDER BY 4;
