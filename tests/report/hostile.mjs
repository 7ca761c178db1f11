// hostile.mjs DIR: a small run whose every text tries to become markup, script or an order to the terminal.
import { mkdirSync, writeFileSync } from 'node:fs';

const dir = process.argv[2];
const evil = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">\u2028\u202e<!--&lt;';
mkdirSync(dir, { recursive: true });

function trace(node, records) {
  const lines = records.map(([t, ev, fields], i) =>
    JSON.stringify({ n: node, b: 1, s: i + 1, t: t * 1e6, lc: i + 1, ev, ...fields }));
  return lines.join('\n') + '\n';
}

const open = run => [0, 'trace.open', { schema: 'faultline', v: 1, run, wall_us: 1, epoch_ns: 0, clk: 'virtual', pid: 1, impl: evil,
                                        peers: ['0001', '0002'], cfg: {}, argv: evil }];
const op = (n, f, key, val, from, to, got) => [
  [from, 'op.invoke', { op: '0010:' + n, cli: '0010', f, key, ...(f === 'put' ? { val } : {}) }],
  [from, 'op.try', { op: '0010:' + n, att: 1, mid: 'm' + n, to: '0001' }],
  [to, 'op.return', { op: '0010:' + n, res: 'ok', ...(f === 'get' ? { val: got } : {}), by: '0001' }]];

writeFileSync(dir + '/sim.1.jsonl', trace('sim', [
  open(evil),
  ...op(1, 'put', evil, evil + '1', 1, 2), ...op(2, 'put', evil, evil + '2', 3, 4), ...op(3, 'get', evil, null, 5, 6, evil + '1'),
  [7, 'fault.begin', { f: 1, kind: evil, node: evil, groups: [[evil], ['0002']], cause: evil }],
  [8, 'net.in', { d: 1, src: evil, dst: '0001', ty: evil, mid: evil, sz: 9 }],
  [9, 'net.drop', { d: 1, cp: 1, src: evil, dst: '0001', why: evil, f: 1 }],
  [9, 'node.out', { of: '0001', fd: 1, line: evil }],
  [9, evil, { [evil]: evil, __proto__x: evil }],
  [10, 'fault.end', { f: 1, kind: evil }],
]));
writeFileSync(dir + '/0001.1.jsonl', trace('0001', [
  open(evil),
  [1, 'note', { term: 1, role: '<', ci: 0, ai: 0, li: 0, text: evil }],
  [5, 'note', { text: evil }],
]));
