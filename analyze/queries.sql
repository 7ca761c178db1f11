-- Named queries: `analyze sql DB -n NAME [-p NAME=VALUE]`, `analyze sql --list`. Parameters (:op, :node, :term, :val, :t,
-- :from, :to) that are not given are NULL, and then mean what the description says.

-- name: stale-reads Q1
-- What is wrong? Reads that returned a value although a later write had been acknowledged, worst first.
SELECT op, client, key, got, newer, served_by, stale_ms
FROM stale_reads
ORDER BY stale_ms DESC;

-- name: stale-servers Q2
-- Who served each stale read, in which term did it believe it led, and who really led?
SELECT s.op, s.served_by, l.term AS its_term, x.node AS real_leader, max(x.term) AS real_term,
       round((s.t_invoke - x.t_start)/1e6, 1) AS deposed_for_ms
FROM stale_reads s
JOIN leader_terms l ON l.run_id = s.run_id AND l.node = s.served_by
 AND s.t_invoke BETWEEN l.t_start AND ifnull(l.t_end, 9e18)
JOIN leader_terms x ON x.run_id = s.run_id AND x.term > l.term AND x.t_start <= s.t_invoke
GROUP BY s.run_id, s.op_id
ORDER BY s.run_id, s.op_id;

-- name: stale-lost Q3
-- Why did it not know? Lost messages that would have deposed the server of a stale read in time (-p op=OP for one read).
SELECT s.op, m.sent_ms, m.src, m.dst, m.type, m.term, m.why, f.kind, round(f.t_begin/1e6) AS fault_from_ms
FROM stale_reads s
JOIN leader_terms l ON l.run_id = s.run_id AND l.node = s.served_by
 AND s.t_invoke BETWEEN l.t_start AND ifnull(l.t_end, 9e18)
JOIN msg m ON m.run_id = s.run_id AND m.dst = s.served_by AND m.fate = 'dropped' AND m.term > l.term
 AND m.sent_ms < s.t_invoke/1e6 AND m.type NOT LIKE 'prevote%' -- a pre-vote's term deposes nobody
LEFT JOIN faults f ON f.fault_id = m.fault_id
WHERE :op IS NULL OR s.op = :op
ORDER BY s.op_id, m.sent_ms;

-- name: why-leader Q4
-- Why did a node become leader? The causal graph backwards (-p node=ID -p term=N; otherwise the last leader).
WITH RECURSIVE chosen AS (
  SELECT start_rec FROM leader_terms
  WHERE (:node IS NULL OR node = :node) AND (:term IS NULL OR term = CAST(:term AS INTEGER))
  ORDER BY run_id DESC, t_start DESC LIMIT 1),
why(id, depth, via) AS (
  SELECT start_rec, 0, 'start' FROM chosen WHERE start_rec IS NOT NULL
  UNION
  SELECT e.src, depth + 1, e.kind FROM why JOIN edges e ON e.dst = why.id WHERE depth < 40)
SELECT min(depth) AS depth, via, ms, node, role, ev, body
FROM why JOIN timeline USING (id)
GROUP BY id
ORDER BY depth, id DESC;

-- name: why-answer Q5
-- How did an answer reach the client? The causal graph backwards (-p op=OP; otherwise the worst stale read).
WITH RECURSIVE chosen AS (
  SELECT return_rec FROM ops
  WHERE op = coalesce(:op, (SELECT op FROM stale_reads ORDER BY stale_ns DESC LIMIT 1))
  ORDER BY op_id LIMIT 1),
why(id, depth) AS (
  SELECT return_rec, 0 FROM chosen WHERE return_rec IS NOT NULL
  UNION
  SELECT e.src, depth + 1 FROM why JOIN edges e ON e.dst = why.id WHERE depth < 40)
SELECT min(depth) AS depth, ms, node, role, term, ev, body
FROM why JOIN timeline USING (id)
GROUP BY id
ORDER BY depth, id DESC;

-- name: around Q6
-- What happened between two times, without messages (-p from=MS -p to=MS; otherwise 15 ms around the worst stale read).
WITH worst AS (
  SELECT t_invoke AS t FROM stale_reads WHERE :from IS NULL OR :to IS NULL ORDER BY stale_ns DESC LIMIT 1),
span AS (
  SELECT coalesce(CAST(:from AS REAL) * 1e6, t - 10e6, 0) AS a, coalesce(CAST(:to AS REAL) * 1e6, t + 5e6, 15e6) AS b
  FROM (SELECT 1) LEFT JOIN worst)
SELECT ms, node, role, term, ev, why, body
FROM timeline
WHERE id IN (SELECT id FROM records, span WHERE t BETWEEN a AND b)
  AND ev NOT LIKE 'net.%' AND ev NOT LIKE 'msg.%'
ORDER BY id;

-- name: loss-matrix Q7
-- Which links lost what, and why?
SELECT src, dst, count(*) AS sent, sum(fate = 'dropped') AS lost,
       round(100.0 * sum(fate = 'dropped') / count(*), 1) AS pct, group_concat(DISTINCT why) AS why
FROM messages
GROUP BY src, dst HAVING lost > 0
ORDER BY pct DESC, src, dst;

-- name: life-of-write Q8
-- The life of one write on every replica (-p val=VALUE; otherwise the value that the worst stale read missed).
SELECT node, idx, eterm, key, val, round(t_append/1e6,1) AS appended, round(t_sync/1e6,1) AS synced,
       round(t_commit/1e6,1) AS committed, round(t_apply/1e6,1) AS applied,
       round(t_gone/1e6,1) AS gone, gone_why
FROM log_entries
WHERE val = coalesce(:val, (SELECT newer FROM stale_reads ORDER BY stale_ns DESC LIMIT 1))
ORDER BY t_append;

-- name: lost-writes Q9
-- Acknowledged writes that a majority does not hold at the end (no answer when a replica is a black box).
SELECT o.op, o.key, o.val, count(DISTINCT e.node) AS holders
FROM ops o
LEFT JOIN log_entries e ON e.run_id = o.run_id AND e.key = o.key AND e.val = o.val AND e.t_gone IS NULL
WHERE o.f = 'put' AND o.result = 'ok'
GROUP BY o.run_id, o.op_id
HAVING holders <= (SELECT count(*)/2 FROM nodes n WHERE n.run_id = o.run_id AND kind = 'replica')
   AND (SELECT min(instrumented) FROM nodes n WHERE n.run_id = o.run_id AND kind = 'replica') = 1
   AND NOT EXISTS (SELECT 1 FROM records r WHERE r.run_id = o.run_id AND r.ev = 'snap.install');

-- name: first-divergence Q10
-- The first index at which two replicas applied different entries.
SELECT idx, node_a, term_a, val_a, node_b, term_b, val_b
FROM divergence
WHERE both_applied
ORDER BY idx LIMIT 1;

-- name: elections Q11
-- Election history: candidacies, votes, who won.
SELECT start_ms, node, term, votes, denials, won
FROM elections
ORDER BY start_ms;

-- name: votes-refused Q12
-- Why were votes refused?
SELECT term, node AS voter, json_extract(body,'$.cand') AS candidate, why, count(*) AS n
FROM timeline
WHERE ev = 'vote.deny'
GROUP BY 1, 2, 3, 4
ORDER BY term, voter, candidate;

-- name: split-brain Q13
-- Two nodes that both believed they led, and for how long.
SELECT old_leader, old_term, new_leader, new_term, from_ms, to_ms, round(to_ms - from_ms, 1) AS ms
FROM split_brain
ORDER BY from_ms;

-- name: fault-cost Q14
-- What did each fault cost the clients?
SELECT f.fault_id, f.kind, f.node, round(f.t_begin/1e6) AS from_ms, round((f.t_end - f.t_begin)/1e6) AS dur_ms,
       count(*) AS ops, sum(o.result = 'ok') AS ok, sum(o.result = 'info') AS unknown,
       round(max(o.t_return - o.t_invoke)/1e6) AS worst_ms
FROM faults f
JOIN ops o ON o.run_id = f.run_id AND o.t_invoke < ifnull(f.t_end, 9e18) AND ifnull(o.t_return, 9e18) > f.t_begin
GROUP BY f.fault_id;

-- name: replication-lag Q15
-- Replication lag per follower.
SELECT f.node, count(*) AS entries, round(avg(f.t_append - l.t_append)/1e6, 2) AS avg_ms,
       round(max(f.t_append - l.t_append)/1e6, 1) AS worst_ms
FROM log_entries l
JOIN leader_terms t ON t.run_id = l.run_id AND t.node = l.node AND t.term = l.eterm
JOIN log_entries f ON f.run_id = l.run_id AND f.idx = l.idx AND f.eterm = l.eterm AND f.node <> l.node
GROUP BY f.node;

-- name: double-votes Q16
-- Voted twice in one term (a vote lost over a restart).
SELECT node, term, count(DISTINCT json_extract(body,'$.cand')) AS candidates, group_concat(DISTINCT boot) AS boots
FROM runs JOIN records USING (run_id)
WHERE ev = 'vote.grant' AND json_extract(body,'$.pre') IS NOT 1
GROUP BY run_id, +node, term HAVING candidates > 1;

-- name: early-acks Q17
-- Acknowledged before it was durable on the leader (no answer when the run records no disk.sync).
SELECT r.node, json_extract(r.body,'$.req') AS req, round(r.t/1e6,3) AS replied_ms, round(e.t_sync/1e6,3) AS synced_ms
FROM records r
JOIN log_entries e ON e.run_id = r.run_id AND e.req = json_extract(r.body,'$.req') AND e.node = r.node
WHERE r.ev = 'req.reply' AND json_extract(r.body,'$.op') = 'put' AND (e.t_sync IS NULL OR e.t_sync > r.t)
  AND EXISTS (SELECT 1 FROM records d WHERE d.run_id = r.run_id AND d.ev = 'disk.sync');

-- name: state-at Q18
-- The state of every replica at a time (-p t=MS; otherwise at the end).
SELECT node, role, term, last_idx, commit_idx, applied_idx
FROM records
WHERE id IN (SELECT (SELECT id FROM records r WHERE r.run_id = n.run_id AND r.node = n.node AND role IS NOT NULL
                     AND t <= coalesce(CAST(:t AS REAL) * 1e6, 9e18) ORDER BY t DESC, id DESC LIMIT 1) FROM nodes n)
ORDER BY run_id, node;

-- name: trust Q19
-- Can I trust this trace? Boots with records missing, or that did not end on purpose.
SELECT node, boot, records, missing, end_kind
FROM boots
WHERE missing > 0 OR end_kind IS NOT 'close';

-- name: linearizable Q20
-- Is every key linearizable? (no rows = yes; for unique written values)
SELECT key, rule, val_a, val_b, round(t/1e6,1) AS by_ms
FROM not_linearizable
ORDER BY t;

-- name: reads
-- What each read rested on: a round of appends, a lease, or nothing, and how old that was (-p node=ID for one replica).
SELECT ms, node, term, key, val, proof, confirmed_by, round, proof_age_ms, until_ms, margin_ms
FROM reads
WHERE :node IS NULL OR node = :node
ORDER BY run_id, t, rec;

-- name: findings
-- What was wrong with the traces: every row of load_stats, with file and line.
SELECT s.severity, s.name, s.node, s.value, src.path || ifnull(':' || s.line, '') AS "where", s.note
FROM load_stats s LEFT JOIN sources src USING (source_id)
ORDER BY CASE s.severity WHEN 'error' THEN 0 WHEN 'data_loss' THEN 1 ELSE 2 END, s.rowid;
