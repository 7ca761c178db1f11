// million.mjs DIR RECORDS: a run of that many records: puts through a leader and two followers, one of them answered wrongly.
import { mkdirSync, openSync, writeSync, closeSync } from 'node:fs';

const [, , dir, wanted] = process.argv;
mkdirSync(dir, { recursive: true });
const files = new Map();
let t = 0, lc = 0, records = 0;

function record(n, ev, fields, state) {
  let file = files.get(n);
  if (!file) {
    files.set(n, file = { fd: openSync(`${dir}/${n}.1.jsonl`, 'w'), s: 0, text: '' });
    record(n, 'trace.open', { schema: 'faultline', v: 1, run: 'million', wall_us: 1, epoch_ns: 0, clk: 'virtual', pid: 1, impl: 'generated',
                              peers: ['0001', '0002', '0003'], cfg: {} });
  }
  t += 3000;
  file.text += JSON.stringify({ n, b: 1, s: ++file.s, t, lc: ++lc, ev, ...(state ? { term: 1, role: state[0], ci: state[1], ai: state[1], li: state[2] } : {}), ...fields }) + '\n';
  records++;
  if (file.text.length > 1 << 20) { writeSync(file.fd, file.text); file.text = ''; }
}

let d = 0, sent = 0;
function datagram(src, dst, ty, fields, from, to) {
  const mid = src + '-1-' + ++sent;
  if (from) record(src, 'msg.send', { to: dst, ty, mid, mterm: 1, ...fields }, from);
  record('sim', 'net.in', { d: ++d, src, dst, ty, mid, sz: 200, term: 1 });
  if (d % 23 === 0) return record('sim', 'net.drop', { d, cp: 1, src, dst, why: 'loss' });
  record('sim', 'net.out', { d, cp: 1, src, dst, dly: 3000 });
  if (to) record(dst, 'msg.recv', { from: src, ty, mid, mterm: 1, ...fields }, to);
}

record('0001', 'role.change', { old: 'C', new: 'L', why: 'quorum_votes' }, ['L', 0, 0]);
for (let i = 1; records < Number(wanted) - 60; i++) {
  const client = '001' + i % 8, op = client + ':' + i, val = op + 'v', key = 'k' + i % 5;
  record('sim', 'op.invoke', { op, cli: client, f: 'put', key, val });
  record('sim', 'op.try', { op, att: 1, mid: 'm' + i, to: '0001' });
  record('0001', 'log.append', { idx: i, eterm: 1, op: 'put', h: 'h' + i, key, val, req: 'm' + i }, ['L', i - 1, i]);
  for (const f of ['0002', '0003']) {
    datagram('0001', f, 'app_req', { pi: i - 1, pt: 1, lci: i - 1, ents: [[i, 1, 'h' + i]] }, ['L', i - 1, i], ['F', i - 1, i - 1]);
    record(f, 'log.append', { idx: i, eterm: 1, op: 'put', h: 'h' + i, key, val, req: 'm' + i }, ['F', i - 1, i]);
    datagram(f, '0001', 'app_res', { ok: true, mi: i }, ['F', i - 1, i], ['L', i - 1, i]);
  }
  record('0001', 'commit.advance', { old: i - 1, new: i, why: 'quorum' }, ['L', i, i]);
  record('0001', 'apply', { idx: i, eterm: 1, op: 'put', h: 'h' + i, req: 'm' + i }, ['L', i, i]);
  record('sim', 'op.return', { op, res: 'ok', val, by: '0001' });
  if (i % 5000 === 0) { /* what was written first is read again */
    record('sim', 'op.invoke', { op: op + 'r', cli: client, f: 'get', key: 'k1' });
    record('sim', 'op.return', { op: op + 'r', res: 'ok', val: '0011:1v', by: '0001' });
  }
}
for (const [n, file] of files) record(n, 'trace.close', { records: file.s + 1, lost: 0 });
for (const file of files.values()) { writeSync(file.fd, file.text); closeSync(file.fd); }
