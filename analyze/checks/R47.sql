-- R47 reads see what was acknowledged
-- severity: LIN-STALE
-- class: read-behind-acknowledged-write
-- needs: apply op.invoke op.return read.local|read.serve
-- A read is served from a state that has applied every write acknowledged to any client before the read was invoked:
-- linearizability of reads without a search, from the log indexes (paper §8, D §6.4).
--
-- Both kinds of events in order of time; the running maximum is the highest index acknowledged so far. An
-- acknowledgement at the very moment of the invocation does not count: its order is not known. Of a request that is in the
-- log several times, the first entry is the one with an effect; the others may come after its acknowledgement.
WITH event AS (
  SELECT coalesce(o.return_by, o.t_return) AS t, 1 AS is_ack, min(e.idx) AS idx, NULL AS rec, NULL AS node, NULL AS key, NULL AS at_ns
  FROM ops o JOIN op_tries t USING (run_id, op_id)
  JOIN log_entries e ON e.run_id = o.run_id AND e.req = t.mid AND e.node = o.served_by AND e.t_apply IS NOT NULL
  WHERE o.run_id = :run AND o.f = 'put' AND o.result = 'ok' GROUP BY o.op_id
  UNION ALL
  SELECT coalesce(o.call_from, o.t_invoke), 0, json_extract(r.body, '$.at'), r.id, r.node, o.key, r.t
  FROM records r                                -- in this order; LIMIT keeps the subquery whole, to be indexed by MID
  CROSS JOIN (SELECT DISTINCT mid, op_id FROM op_tries WHERE run_id = :run LIMIT -1) t ON t.mid = json_extract(r.body, '$.req')
  CROSS JOIN ops o ON o.op_id = t.op_id AND +o.result = 'ok' AND +o.served_by = r.node
  WHERE r.run_id = :run AND r.ev IN ('read.local', 'read.serve')),
seen AS (
  SELECT *, max(CASE WHEN is_ack THEN idx END) OVER (ORDER BY t, is_ack ROWS UNBOUNDED PRECEDING) AS due FROM event)
SELECT rec, at_ns AS t, node, key,
       node || ' answers a read of ' || key || ' with entry ' || idx || ' applied, after entry ' || due || ' had been acknowledged' AS title
FROM seen
WHERE NOT is_ack AND idx < due
ORDER BY rec;
