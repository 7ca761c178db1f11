-- every view carries run_id and times in ms next to the raw ns columns
CREATE VIEW timeline AS                 -- one readable line per record
SELECT id, run_id, round(t/1e6, 3) AS ms, node, boot, role, term, ev,
       coalesce(json_extract(body,'$.why'), '') AS why, body
FROM records;

CREATE VIEW msg AS                      -- messages with latency in ms
SELECT msg_id, run_id, src, dst, type, mid, copy, term, size, fate, why,
       round(coalesce(t_send, t_in)/1e6, 3) AS sent_ms,
       round(coalesce(t_recv, t_out)/1e6, 3) AS recv_ms,
       round(latency/1e6, 3) AS latency_ms, fault_id, send_rec, recv_rec
FROM messages;

CREATE VIEW op AS                       -- client operations with latency in ms
SELECT op_id, run_id, op, client, f, key, val, result, served_by, tries, why,
       round(t_invoke/1e6, 3) AS invoke_ms, round(t_return/1e6, 3) AS return_ms,
       round((t_return - t_invoke)/1e6, 3) AS latency_ms
FROM ops;

CREATE VIEW elections AS                -- one row per candidacy, with its outcome
SELECT r.run_id, r.node, r.term, round(r.t/1e6,3) AS start_ms,
       (SELECT count(DISTINCT g.node) FROM records g WHERE g.run_id=r.run_id AND g.ev='vote.grant' AND g.node<>r.node
          AND g.term=r.term AND json_extract(g.body,'$.cand')=r.node AND json_extract(g.body,'$.pre') IS NOT 1)
          + 1 AS votes,                   -- its own too, recorded or not; what pre-votes granted is no vote
       (SELECT count(DISTINCT g.node) FROM records g WHERE g.run_id=r.run_id AND g.ev='vote.deny'
          AND g.term=r.term AND json_extract(g.body,'$.cand')=r.node AND json_extract(g.body,'$.pre') IS NOT 1) AS denials,
       EXISTS (SELECT 1 FROM leader_terms l WHERE l.run_id=r.run_id AND l.node=r.node
          AND l.term=r.term) AS won
FROM records r WHERE r.ev='role.change' AND json_extract(r.body,'$.new')='C';

CREATE VIEW split_brain AS              -- two nodes that both believed they led, and for how long
SELECT a.run_id, a.node AS old_leader, a.term AS old_term, b.node AS new_leader, b.term AS new_term,
       round(max(a.t_start,b.t_start)/1e6,3) AS from_ms,
       round(min(ifnull(a.t_end,9e18),ifnull(b.t_end,9e18))/1e6,3) AS to_ms
FROM leader_terms a JOIN leader_terms b ON a.run_id=b.run_id AND a.term<b.term AND a.node<>b.node
 AND max(a.t_start,b.t_start) < min(ifnull(a.t_end,9e18),ifnull(b.t_end,9e18));

CREATE VIEW divergence AS               -- same index, different entry, both once present
SELECT a.run_id, a.idx, a.node AS node_a, a.eterm AS term_a, a.val AS val_a, a.t_apply AS applied_a,
       b.node AS node_b, b.eterm AS term_b, b.val AS val_b, b.t_apply AS applied_b,
       (a.t_apply IS NOT NULL AND b.t_apply IS NOT NULL) AS both_applied
FROM log_entries a JOIN log_entries b ON a.run_id=b.run_id AND a.idx=b.idx AND a.node<b.node
 AND (a.eterm<>b.eterm OR a.val IS NOT b.val OR a.key IS NOT b.key);

-- Linearizability of a read/write register with unique written values
-- (Gibbons & Korach zones): clusters = one write plus the reads that returned it.
CREATE VIEW clusters AS
WITH w AS (
  SELECT run_id, key, val, op_id, coalesce(call_from, t_invoke) AS t_invoke,
         CASE WHEN result='ok' THEN coalesce(return_by, t_return) END AS t_ret, result FROM ops WHERE f='put'
  UNION ALL
  SELECT DISTINCT run_id, key, '', NULL, -4611686018427387904, -4611686018427387904, 'ok' FROM ops WHERE key IS NOT NULL)
SELECT w.run_id, w.key, w.val, w.op_id AS write_op, w.t_invoke AS w_invoke,
       min(ifnull(w.t_ret, 9223372036854775807), ifnull(min(coalesce(r.return_by, r.t_return)), 9223372036854775807)) AS f,
       max(w.t_invoke, ifnull(max(coalesce(r.call_from, r.t_invoke)), -4611686018427387904)) AS s, count(r.op_id) AS reads
FROM w LEFT JOIN ops r ON r.run_id=w.run_id AND r.key=w.key AND r.f='get' AND r.result='ok' AND r.val=w.val
GROUP BY w.run_id, w.key, w.val, w.op_id
HAVING w.result='ok' OR count(r.op_id) > 0;     -- a write nobody saw and nobody acked may be ignored

CREATE VIEW not_linearizable AS         -- empty  <=>  every key is linearizable
SELECT a.run_id, a.key, 'overlapping forward zones' AS rule, a.val AS val_a, b.val AS val_b,
       max(a.f,b.f) AS t
FROM clusters a JOIN clusters b ON a.run_id=b.run_id AND a.key=b.key AND a.val<b.val
WHERE a.f<a.s AND b.f<b.s AND a.f<b.s AND b.f<a.s
UNION ALL
SELECT a.run_id, a.key, 'value lived inside another value''s lifetime', a.val, b.val, b.s
FROM clusters a JOIN clusters b ON a.run_id=b.run_id AND a.key=b.key AND a.val<>b.val
WHERE a.f<a.s AND b.f>=b.s AND a.f<b.s AND b.f<a.s
UNION ALL
SELECT r.run_id, r.key, 'read before its write was invoked', r.val, NULL, r.t_return
FROM ops r JOIN clusters c ON c.run_id=r.run_id AND c.key=r.key AND c.val=r.val
WHERE r.f='get' AND r.result='ok' AND coalesce(r.return_by, r.t_return) < c.w_invoke
UNION ALL
SELECT r.run_id, r.key, 'read of a value never written', r.val, NULL, r.t_return
FROM ops r WHERE r.f='get' AND r.result='ok' AND r.val<>''
 AND NOT EXISTS (SELECT 1 FROM ops w WHERE w.run_id=r.run_id AND w.key=r.key AND w.f='put' AND w.val=r.val);

CREATE VIEW stale_reads AS              -- read returned v although a later write had been acked
SELECT r.run_id, r.op_id, r.op, r.client, r.key, r.val AS got, w2.val AS newer, r.served_by,
       r.t_invoke, min(w2.t_return) AS newer_acked,
       coalesce(r.call_from, r.t_invoke) - min(coalesce(w2.return_by, w2.t_return)) AS stale_ns, -- at least
       round((coalesce(r.call_from, r.t_invoke) - min(coalesce(w2.return_by, w2.t_return)))/1e6, 3) AS stale_ms
FROM ops r
LEFT JOIN ops w1 ON w1.run_id=r.run_id AND w1.key=r.key AND w1.f='put' AND w1.val=r.val
JOIN ops w2 ON w2.run_id=r.run_id AND w2.key=r.key AND w2.f='put' AND w2.result='ok'
 AND coalesce(w2.return_by, w2.t_return) < coalesce(r.call_from, r.t_invoke)
 AND (w1.op_id IS NULL OR (w1.result='ok' AND coalesce(w1.return_by, w1.t_return) < coalesce(w2.call_from, w2.t_invoke)))
WHERE r.f='get' AND r.result='ok' AND (r.val='' OR w1.op_id IS NOT NULL)
GROUP BY r.op_id;

CREATE VIEW seq_gaps AS                 -- records that were emitted but never reached us
SELECT run_id, node, boot, seq AS after_seq, next_seq, next_seq - seq - 1 AS missing,
       round(t/1e6,3) AS from_ms, round(next_t/1e6,3) AS to_ms
FROM (SELECT run_id, node, boot, seq, t,
        lead(seq) OVER w AS next_seq, lead(t) OVER w AS next_t
      FROM records WINDOW w AS (PARTITION BY node, boot, run_id ORDER BY seq))
WHERE next_seq > seq + 1;
