/* The data of the page: columns (report_data.c) into typed arrays, and the questions that the panels ask of them.
   Times are nanoseconds since the run's epoch, ids those of the table records. */

/* The first index whose value is >= v (> v when `after`). */
function lowerBound(array, v, after) {
  let lo = 0, hi = array.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (array[mid] < v || (after && array[mid] === v)) lo = mid + 1; else hi = mid;
  }
  return lo;
}

/* [row, value, row, value, ...]: what is odd about some rows; 0 for all others. */
function spread(pairs, n) {
  const all = new Float64Array(n);
  for (let i = 0; i < pairs.length; i += 2) all[pairs[i]] = pairs[i + 1];
  return all;
}

/* A span of the run with its records. */
class Segment {
  constructor(json) {
    const c = json.rec, n = c.t.length;
    Object.assign(this, { from: json.from, to: json.to, n, texts: json.texts, states: json.states, boots: json.boots,
                          shapes: json.shapes, values: c.v, start: json.start, known: json.values });
    this.t = new Float64Array(n); this.id = new Float64Array(n); this.seq = new Float64Array(n);
    this.line = new Float64Array(n); this.cause = new Float64Array(n); this.offset = new Uint32Array(n);
    this.boot = Uint16Array.from(c.boot); this.shape = Uint16Array.from(c.shape); this.state = Int32Array.from(c.state);
    const id = spread(c.id, n), seq = spread(c.seq, n), line = spread(c.line, n);
    const at = this.boots.map(() => [0, 0]);
    let t = 0, last = 0, offset = 0;
    for (let i = 0; i < n; i++) {
      const boot = at[this.boot[i]];
      this.t[i] = t += c.t[i];
      this.id[i] = last += 1 + id[i];
      this.seq[i] = boot[0] += 1 + seq[i];
      this.line[i] = boot[1] += 1 + line[i];
      this.cause[i] = c.cause[i] > 0 ? last - c.cause[i] : 0;
      this.offset[i] = offset;
      offset += this.shapes[this.shape[i]].length - 1;
    }
    this.ofNode = new Map();
    for (let i = 0; i < n; i++) {
      const node = this.boots[this.boot[i]][0];
      if (!this.ofNode.has(node)) this.ofNode.set(node, []);
      this.ofNode.get(node).push(i);
    }
  }

  ev(i) { return this.shapes[this.shape[i]][0]; }

  /* The event's own fields, by name. */
  fields(i) {
    const shape = this.shapes[this.shape[i]], out = new Map();
    for (let k = 1; k < shape.length; k++) {
      const v = this.values[this.offset[i] + k - 1];
      out.set(shape[k].slice(1), shape[k][0] === '$' ? this.texts[v] : v);
    }
    return out;
  }

  field(i, name) {
    const shape = this.shapes[this.shape[i]];
    for (let k = 1; k < shape.length; k++) {
      if (shape[k].length === name.length + 1 && shape[k].endsWith(name)) {
        const v = this.values[this.offset[i] + k - 1];
        return shape[k][0] === '$' ? this.texts[v] : v;
      }
    }
    return undefined;
  }
}

/* One record: where it is, and what it says. */
class Rec {
  constructor(seg, i) { this.seg = seg; this.i = i; }
  get id() { return this.seg.id[this.i]; }
  get t() { return this.seg.t[this.i]; }
  get node() { return this.seg.boots[this.seg.boot[this.i]][0]; }
  get boot() { return this.seg.boots[this.seg.boot[this.i]][1]; }
  get source() { return this.seg.boots[this.seg.boot[this.i]][2]; }
  get seq() { return this.seg.seq[this.i]; }
  get line() { return this.seg.line[this.i]; }
  get ev() { return this.seg.ev(this.i); }
  get cause() { return this.seg.cause[this.i]; }
  get fields() { return this.seg.fields(this.i); }
  get ref() { return this.node + '.' + this.boot + ':' + this.seq; }
  /* {term, role, commit, applied, last}, or null. */
  get state() { const s = this.seg.state[this.i]; return s < 0 ? null : stateOf(this.seg.states[s]); }
  field(name) { return this.seg.field(this.i, name); }
}

function stateOf(s) { return { term: s[0], role: s[1], commit: s[2], applied: s[3], last: s[4] }; }

const KIND_OF_TYPE = [[/vote/i, 'vote'], [/heart|ping/i, 'heartbeat'], [/snap/i, 'snapshot'], [/app|entr/i, 'append'],
                      [/^(get|put|cas|del|ok|fail|redirect|read|write)$/i, 'client']];

class Model {
  constructor(summary) {
    this.summary = summary;
    this.run = summary.run;
    this.segs = [];
    this.messages = []; /* by t */
    this.messageTimes = new Float64Array(0);
    this.longest = 0;
    this.ops = [];
    this.byMsg = new Map(); this.byOp = new Map(); this.atRec = new Map();
    this.replicas = summary.nodes.filter(n => n[1] === 'replica').map(n => n[0]);
    this.clients = summary.nodes.filter(n => n[1] === 'client').map(n => n[0]);
    this.traced = new Set(summary.nodes.filter(n => n[2]).map(n => n[0]));
    this.violation = new Map(summary.violations.map(v => [v.id, v]));
    this.paths = new Map(summary.sources);
    this.terms = summary.terms.map(r => ({ node: r[0], boot: r[1], term: r[2], from: r[3], to: r[4], why: r[5],
                                           start: r[6], end: r[7], wire: r[8] === 'wire' }));
    this.faults = summary.faults.map(r => {
      let target = {};
      try { target = JSON.parse(r[4]) || {}; } catch (e) { /* shown without its target */ }
      return { id: r[0], f: r[1], kind: r[2], node: r[3], groups: Array.isArray(target.groups) ? target.groups : null,
               links: Array.isArray(target.links) ? target.links : null, from: r[5],
               to: r[6] === null ? summary.run.t1 : r[6] };
    });
    this.fault = new Map(this.faults.map(f => [f.id, f]));
    this.boots = summary.boots.map(r => ({ node: r[0], boot: r[1], from: r[2], to: r[3], end: r[4], missing: r[6] }));
    this.gaps = summary.gaps.map(r => ({ node: r[0], missing: r[3], from: r[4], to: r[5] }));
    for (const b of this.boots) { /* a trace that was cut off: nobody knows how much is missing behind its end */
      if (b.end === 'torn' || b.end === 'cut')
        this.gaps.push({ node: b.node, missing: 0, from: b.to, to: this.run.t1 });
    }
  }

  /* Takes the segments as they are in the page, or as chunks come in. */
  add(jsons) {
    for (const json of jsons) {
      this.segs.push(new Segment(json));
      this.addMessages(json.msg, json.texts);
      for (const o of json.ops) {
        if (this.byOp.has(o[0])) continue;
        const op = { id: o[0], op: o[1], client: o[2], f: o[3], key: o[4], val: o[5], from: o[6], to: o[7], result: o[8],
                     by: o[9], tries: o[10], why: o[11], invoke: o[12], back: o[13] };
        this.byOp.set(op.id, op);
        this.ops.push(op);
      }
    }
    this.segs.sort((a, b) => a.from - b.from);
    this.messages.sort((a, b) => a.t - b.t || a.id - b.id);
    this.messageTimes = Float64Array.from(this.messages, m => m.t);
    this.longest = this.messages.reduce((most, m) => Math.max(most, m.end - m.t), 0);
    this.ops.sort((a, b) => a.from - b.from || a.id - b.id);
    for (const m of this.messages) if (m.kind === 'append' && this.isHeartbeat(m)) m.kind = 'heartbeat';
  }

  addMessages(c, texts) {
    let id = 0, d = 0, t = 0, base = 0;
    const text = i => i < 0 ? null : texts[i];
    for (let i = 0; i < c.id.length; i++) {
      id += c.id[i]; d += c.d[i]; t += c.t[i]; base += c.base[i];
      if (this.byMsg.has(id)) continue;
      const rec = v => v > 0 ? base + v - 1 : 0;
      const type = text(c.type[i]) || '';
      const kind = KIND_OF_TYPE.find(k => k[0].test(type));
      const m = { id, d, copy: c.copy[i], src: texts[c.src[i]], dst: texts[c.dst[i]], type, term: c.term[i], t,
                  end: c.dt[i] < 0 ? t : t + c.dt[i], arrives: c.dt[i] >= 0, fate: texts[c.fate[i]], why: text(c.why[i]),
                  fault: c.fault[i], kind: kind ? kind[1] : 'other', send: rec(c.send[i]), in: rec(c.in[i]),
                  out: rec(c.out[i]), drop: rec(c.drop[i]), recv: rec(c.recv[i]) };
      this.byMsg.set(id, m);
      this.messages.push(m);
      for (const r of [m.send, m.in, m.out, m.drop, m.recv]) {
        if (r === 0) continue;
        if (!this.atRec.has(r)) this.atRec.set(r, []);
        this.atRec.get(r).push(m);
      }
    }
  }

  /* An append without entries, or the answer to one. What the sender did not record is taken for an append. */
  isHeartbeat(m) {
    const sent = this.byId(m.send) || this.byId(m.recv);
    if (!sent) return false;
    if (sent.field('pi') !== undefined) return !(sent.field('ents') || []).length;
    const asked = sent.ev === 'msg.send' ? this.byId(sent.cause) : null;
    return !!asked && asked.field('pi') !== undefined && !(asked.field('ents') || []).length;
  }

  /* ---- finding records ---- */

  segAt(t) {
    for (let i = 0; i < this.segs.length; i++)
      if (this.segs[i].from <= t && t < this.segs[i].to) return this.segs[i];
    return null;
  }

  byId(id) {
    if (!id) return null;
    for (const s of this.segs) {
      if (s.n === 0 || id < s.id[0] || id > s.id[s.n - 1]) continue;
      const i = lowerBound(s.id, id);
      if (s.id[i] === id) return new Rec(s, i);
    }
    return null;
  }

  byRef(node, boot, seq) {
    for (const s of this.segs) {
      const k = s.boots.findIndex(b => b[0] === node && b[1] === boot);
      if (k < 0) continue;
      for (const i of s.ofNode.get(node)) if (s.boot[i] === k && s.seq[i] === seq) return new Rec(s, i);
    }
    return null;
  }

  /* The record before (-1) or after (+1) this one or this moment that `wanted` likes. */
  step(from, dir, wanted) {
    let k = from.rec ? this.segs.indexOf(from.rec.seg) : this.segs.findIndex(s => s.to > from.t);
    if (k < 0) k = this.segs.length - 1;
    for (let s = this.segs[k], i = null; s; s = this.segs[k += dir], i = null) {
      if (from.rec && s === from.rec.seg) i = from.rec.i + dir;
      else if (dir > 0) i = lowerBound(s.t, from.t, true);
      else i = lowerBound(s.t, from.t) - 1;
      for (; i >= 0 && i < s.n; i += dir) if (wanted(s, i)) return new Rec(s, i);
    }
    return null;
  }

  /* ---- causes ---- */

  /* What led to this record: the input that was being handled, or the other end of the wire. */
  causes(rec) {
    const out = [];
    if (rec.cause) out.push({ id: rec.cause, kind: 'handled' });
    for (const m of this.atRec.get(rec.id) || []) {
      if (m.in === rec.id && m.send) out.push({ id: m.send, kind: 'wire' });
      if (m.recv === rec.id && (m.out || m.send)) out.push({ id: m.out || m.send, kind: 'wire' });
      if (m.recv === rec.id && !m.in && m.send && m.out) out.push({ id: m.send, kind: 'wire' });
    }
    return out;
  }

  effects(rec) {
    const out = [], id = rec.id;
    for (const s of this.segs)
      if (s === rec.seg || s.from >= rec.seg.from)
        for (let i = s === rec.seg ? rec.i + 1 : 0; i < s.n && (s !== rec.seg || s.t[i] - rec.t < 1e9); i++)
          if (s.cause[i] === id) out.push({ id: s.id[i], kind: 'handled' });
    for (const m of this.atRec.get(id) || []) {
      if (m.send === id && m.in) out.push({ id: m.in, kind: 'wire' });
      if (m.out === id && m.recv) out.push({ id: m.recv, kind: 'wire' });
      if (m.send === id && !m.in && m.recv) out.push({ id: m.recv, kind: 'wire' });
    }
    const seen = new Set();
    return out.filter(e => !seen.has(e.id) && seen.add(e.id)).sort((a, b) => a.id - b.id);
  }

  /* One step back over the whole datagram: from its receive to its send. */
  before(rec) {
    for (const m of this.atRec.get(rec.id) || []) {
      if ((m.recv === rec.id || m.out === rec.id || m.drop === rec.id) && this.byId(m.send)) return this.byId(m.send);
    }
    for (const c of this.causes(rec)) if (this.byId(c.id)) return this.byId(c.id);
    return null;
  }

  after(rec) {
    for (const m of this.atRec.get(rec.id) || [])
      if (m.send === rec.id && this.byId(m.recv || m.drop || m.out)) return this.byId(m.recv || m.drop || m.out);
    const next = this.effects(rec).map(e => this.byId(e.id)).filter(r => r);
    return next.find(r => r.ev === 'role.change' || r.ev.startsWith('read.')) || next.find(r => r.ev === 'msg.send') ||
           next[0] || null;
  }

  chain(rec, most) {
    const out = [];
    for (let r = rec; r && out.length < most; r = this.before(r)) out.push(r);
    return out;
  }

  /* ---- state ---- */

  /* The last state of a replica at or before t: {state, rec, changed: Set}, or null when nobody knows. */
  stateAt(node, t) {
    const seg = this.segAt(t);
    if (!seg) return null;
    const list = seg.ofNode.get(node) || [];
    let lo = 0, hi = list.length;
    while (lo < hi) { const mid = (lo + hi) >> 1; if (seg.t[list[mid]] <= t) lo = mid + 1; else hi = mid; }
    let k = lo - 1;
    while (k >= 0 && seg.state[list[k]] < 0) k--;
    const first = seg.start.find(s => s[0] === node);
    const initial = first ? { term: first[5], role: first[4], last: first[6], commit: first[7], applied: first[8] } : null;
    if (k < 0) return initial ? { state: initial, rec: null, ref: first[0] + '.' + first[1] + ':' + first[2],
                                  t: first[3], changed: new Set() } : null;
    const rec = new Rec(seg, list[k]), state = rec.state;
    let p = k - 1;
    while (p >= 0 && seg.state[list[p]] < 0) p--;
    const earlier = p >= 0 ? stateOf(seg.states[seg.state[list[p]]]) : initial;
    const changed = new Set(earlier ? Object.keys(state).filter(x => state[x] !== earlier[x]) : []);
    return { state, rec, ref: rec.ref, t: rec.t, changed };
  }

  /* The value of a key that a replica had applied at t: undefined when it is not known. */
  valueAt(node, key, t) {
    const seg = this.segAt(t);
    if (!seg) return undefined;
    let found;
    for (const v of seg.known) if (v[3] <= t && v[0] === key && v[1] === node) found = v[2];
    return found;
  }

  /* Stretches of equal role and term of a replica within a segment. */
  roles(seg, node) {
    if (!seg.roles) seg.roles = new Map();
    if (seg.roles.has(node)) return seg.roles.get(node);
    const out = [], first = seg.start.find(s => s[0] === node), list = seg.ofNode.get(node) || [];
    let now = first ? { role: first[4], term: first[5], from: seg.from, to: seg.to } : null;
    if (now) out.push(now);
    for (const i of list) {
      if (seg.state[i] < 0) continue;
      const s = seg.states[seg.state[i]];
      if (now && now.role === s[1] && now.term === s[0]) continue;
      if (now) now.to = seg.t[i];
      now = { role: s[1], term: s[0], from: seg.t[i], to: seg.to };
      out.push(now);
    }
    seg.roles.set(node, out);
    return out;
  }
}
