-- Text before run_id, which is nearly always the same: SQLite sorts by the first column with a quick comparison, and most
-- of the time of an index goes into sorting. Views that partition do so in the order of records_key.
CREATE UNIQUE INDEX records_key ON records(node, boot, run_id, seq);
CREATE INDEX records_time  ON records(run_id, t);
CREATE INDEX records_ev    ON records(ev, run_id, t);
-- The state of a replica at a time: other records of a node are found by records_key or records_time.
CREATE INDEX records_node  ON records(node, run_id, t) WHERE role IS NOT NULL;
CREATE INDEX messages_send ON messages(send_rec);
CREATE INDEX messages_recv ON messages(recv_rec);
CREATE INDEX messages_out  ON messages(out_rec);
CREATE INDEX messages_mid  ON messages(run_id, mid);
CREATE INDEX messages_dst  ON messages(run_id, dst, t_in);
CREATE INDEX messages_fate ON messages(run_id, fate, t_in) WHERE fate <> 'delivered';
CREATE INDEX ops_key       ON ops(run_id, key, f, t_invoke);
CREATE INDEX ops_val       ON ops(run_id, key, val);
CREATE INDEX reads_time    ON reads(run_id, node, t);
CREATE INDEX log_idx       ON log_entries(run_id, idx, node);
CREATE INDEX log_req       ON log_entries(run_id, req);
INSERT OR IGNORE INTO edges
  SELECT id, cause, 'handled' FROM records WHERE cause IS NOT NULL
  UNION ALL SELECT in_rec,   send_rec, 'wire' FROM messages WHERE send_rec IS NOT NULL AND in_rec IS NOT NULL
  UNION ALL SELECT recv_rec, out_rec,  'wire' FROM messages WHERE out_rec  IS NOT NULL AND recv_rec IS NOT NULL
  UNION ALL SELECT recv_rec, send_rec, 'wire' FROM messages WHERE in_rec IS NULL AND send_rec IS NOT NULL AND recv_rec IS NOT NULL;
CREATE INDEX edges_fwd ON edges(src, dst);
