-- R64 timeouts are random
-- severity: LIVE
-- class: election-timeouts-not-random
-- needs: timer.set
-- A node's election timeouts lie within the configured range and differ from one to the next, and those of different
-- nodes differ (paper §5.2).
--
-- Two microseconds of tolerance: timers count in microseconds, records in nanoseconds. Four equal timeouts in a row, or the
-- same first four on two nodes, are no chance. A node whose clock was made to run wrong says what its clock will show,
-- which cannot be compared with the time of the record.
WITH cfg AS (
  SELECT node, boot, json_extract(body, '$.cfg.election_ms[0]') * 1000000 AS low,
         json_extract(body, '$.cfg.election_ms[1]') * 1000000 AS high
  FROM records WHERE run_id = :run AND ev = 'trace.open'),
armed AS (
  SELECT id, t, node, boot, json_extract(body, '$.at') - t AS d FROM records
  WHERE run_id = :run AND ev = 'timer.set' AND json_extract(body, '$.tm') = 'election'
  AND node NOT IN (SELECT node FROM faults WHERE run_id = :run AND kind = 'skew')),
row AS (
  SELECT *, lag(d, 1) OVER w AS d1, lag(d, 2) OVER w AS d2, lag(d, 3) OVER w AS d3, row_number() OVER w AS n
  FROM armed WINDOW w AS (PARTITION BY node, boot ORDER BY id)),
found AS (
  SELECT r.id, r.t, r.node, r.node || ' sets an election timeout of ' || printf('%.1f', d / 1e6) || ' ms, outside of '
         || low / 1000000 || ' to ' || high / 1000000 || ' ms' AS title
  FROM row r JOIN cfg USING (node, boot) WHERE d < low - 2000 OR d > high + 2000
  UNION ALL
  SELECT r.id, r.t, r.node, r.node || ' sets the same election timeout, ' || printf('%.1f', d / 1e6)
         || ' ms, four times in a row'
  FROM row r JOIN cfg USING (node, boot)
  WHERE low < high AND abs(d - d1) <= 2000 AND abs(d - d2) <= 2000 AND abs(d - d3) <= 2000
  UNION ALL
  SELECT max(b.id), max(b.t), b.node, b.node || ' and ' || a.node || ' have drawn the same four election timeouts'
  FROM row a JOIN row b ON a.n = b.n AND a.n <= 4 AND a.boot = b.boot AND a.node < b.node AND abs(a.d - b.d) <= 2000
  JOIN cfg ON cfg.node = a.node AND cfg.boot = a.boot AND low < high
  GROUP BY a.node, b.node, a.boot HAVING count(*) = 4)
SELECT id AS rec, t, node, NULL AS key, title FROM found ORDER BY id;
