-- Sections of `analyze stat`, in order. A section without rows is left out.

-- name: run
-- run
SELECT name AS run, seed, round(t_end/1e9, 3) AS seconds,
       (SELECT count(*) FROM records r WHERE r.run_id = runs.run_id) AS records,
       (SELECT count(*) FROM sources s WHERE s.run_id = runs.run_id) AS files,
       (SELECT round(sum(bytes)/1e6, 1) FROM sources s WHERE s.run_id = runs.run_id) AS mb,
       CASE loss_free WHEN 1 THEN 'yes' ELSE 'no' END AS complete
FROM runs ORDER BY run_id;

-- name: nodes
-- nodes and their boots
SELECT n.node, n.kind, n.impl, CASE WHEN n.instrumented THEN 'traced' ELSE 'black box' END AS seen, b.boot, b.records,
       b.missing, round(b.t_start/1e6, 1) AS from_ms, round(b.t_end/1e6, 1) AS to_ms, b.end_kind AS ended
FROM nodes n LEFT JOIN boots b ON b.run_id = n.run_id AND b.node = n.node
WHERE n.kind <> 'client' OR b.boot IS NOT NULL
UNION ALL
SELECT '(clients: ' || count(*) || ')', 'client', NULL, 'by the simulator', NULL, NULL, NULL, NULL, NULL, NULL
FROM nodes n WHERE n.kind = 'client' AND NOT EXISTS (SELECT 1 FROM boots b WHERE b.run_id = n.run_id AND b.node = n.node)
GROUP BY run_id;

-- name: leaders
-- leaders
SELECT term, node, round(t_start/1e6, 1) AS from_ms, round(t_end/1e6, 1) AS to_ms, end_why, origin
FROM leader_terms ORDER BY run_id, t_start;

-- name: faults
-- faults
SELECT 'F' || f AS fault, kind, node, target, round(t_begin/1e6, 1) AS from_ms, round(t_end/1e6, 1) AS to_ms
FROM faults ORDER BY run_id, t_begin, fault_id;

-- name: clocks
-- clocks of several hosts: how far each process is ahead of the reference, give or take the error, all through the run
SELECT node, boot, clock, round((offset_ns)/1e6, 3) AS ahead_ms, round(error_ns/1e6, 3) AS error_ms,
       round(drift_ppb/1e3, 3) AS drift_ppm, messages,
       CASE WHEN error_ns IS NULL THEN 'not comparable: too few messages, or the clock was set' ELSE '' END AS remark
FROM clocks ORDER BY run_id, node, boot;

-- name: fates
-- datagrams
SELECT fate, why, count(*) AS copies FROM messages GROUP BY fate, why ORDER BY copies DESC, fate, why;

-- name: links
-- links: lost datagrams and latency in ms
WITH who AS (
  SELECT run_id, node, CASE kind WHEN 'client' THEN '(clients)' ELSE node END AS name FROM nodes),
named AS (
  SELECT m.run_id, coalesce(s.name, m.src) AS src, coalesce(d.name, m.dst) AS dst, fate, latency
  FROM messages m LEFT JOIN who s ON s.run_id = m.run_id AND s.node = m.src
  LEFT JOIN who d ON d.run_id = m.run_id AND d.node = m.dst),
ranked AS (
  SELECT run_id, src, dst, fate, latency,
         CASE WHEN latency IS NOT NULL THEN row_number() OVER (PARTITION BY run_id, src, dst, latency IS NULL ORDER BY latency) END AS i,
         sum(latency IS NOT NULL) OVER (PARTITION BY run_id, src, dst) AS n
  FROM named)
SELECT src, dst, count(*) AS sent, sum(fate = 'dropped') AS lost, round(100.0 * sum(fate = 'dropped') / count(*), 1) AS pct,
       round(max(CASE WHEN i = (n + 1) / 2 THEN latency END)/1e6, 3) AS p50,
       round(max(CASE WHEN i = (n * 99 + 99) / 100 THEN latency END)/1e6, 3) AS p99,
       round(max(latency)/1e6, 3) AS worst
FROM ranked GROUP BY run_id, src, dst ORDER BY run_id, src, dst;

-- name: ops
-- client operations, by who answered; latency in ms
WITH ranked AS (
  SELECT run_id, f, served_by, result, t_return - t_invoke AS latency,
         CASE WHEN t_return IS NOT NULL
              THEN row_number() OVER (PARTITION BY run_id, f, served_by, t_return IS NULL ORDER BY t_return - t_invoke) END AS i,
         sum(t_return IS NOT NULL) OVER (PARTITION BY run_id, f, served_by) AS n
  FROM ops)
SELECT f AS op, coalesce(served_by, '(nobody)') AS served_by, count(*) AS ops, sum(result = 'ok') AS ok, sum(result = 'fail') AS fail,
       sum(result = 'info') AS info, round(max(CASE WHEN i = (n + 1) / 2 THEN latency END)/1e6, 3) AS p50,
       round(max(CASE WHEN i = (n * 99 + 99) / 100 THEN latency END)/1e6, 3) AS p99, round(max(latency)/1e6, 3) AS worst
FROM ranked GROUP BY run_id, f, ranked.served_by ORDER BY run_id, f, ranked.served_by;

-- name: reads
-- reads by what proved that the replica led; age of the proof in ms when it answered, and what was left of a lease
WITH ranked AS (
  SELECT run_id, node, proof, proof_age_ms AS age, margin_ms AS margin,
         CASE WHEN t_proof IS NOT NULL
              THEN row_number() OVER (PARTITION BY run_id, node, proof, t_proof IS NULL ORDER BY t - t_proof) END AS i,
         sum(t_proof IS NOT NULL) OVER (PARTITION BY run_id, node, proof) AS n
  FROM reads)
SELECT node, proof, count(*) AS reads, max(CASE WHEN i = (n + 1) / 2 THEN age END) AS age_p50,
       max(CASE WHEN i = (n * 99 + 99) / 100 THEN age END) AS age_p99, max(age) AS age_max, min(margin) AS margin_min
FROM ranked GROUP BY run_id, node, proof ORDER BY run_id, node, proof;

-- name: events
-- records by event
SELECT ev, count(*) AS records, count(DISTINCT node) AS nodes FROM records GROUP BY ev ORDER BY records DESC, ev;

-- name: findings
-- findings about the traces, with the first of each kind (all of them: analyze sql -n findings)
SELECT s.severity, s.name, s.node, count(*) AS rows, sum(s.value) AS value,
       (SELECT src.path || ifnull(':' || f.line, '') FROM sources src WHERE src.source_id = f.source_id) AS first_at,
       CASE count(*) WHEN 1 THEN f.note ELSE printf('%,d in %d places, the first: ', sum(s.value), count(*)) || f.note END AS note
FROM load_stats s
JOIN load_stats f ON f.rowid = (SELECT min(rowid) FROM load_stats x
                                WHERE x.run_id = s.run_id AND x.name = s.name AND x.severity = s.severity AND x.node IS s.node)
GROUP BY s.run_id, s.severity, s.name, s.node
ORDER BY CASE s.severity WHEN 'error' THEN 0 WHEN 'data_loss' THEN 1 ELSE 2 END, s.name, s.node;

-- name: advice
-- records that nobody writes, and the checks that they would switch on, each with those above it
SELECT json_extract(value, '$.record') AS record, json_extract(value, '$.checks') AS checks, json_extract(value, '$.switches_on') AS switches_on
FROM json_each(:advice);
