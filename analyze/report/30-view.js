/* What is looked at: the span of time, the lanes, the filters, the cursor. Axes are in u: time, or (even spacing) the
   rank of the moment among the moments of records. */

const KINDS = [['vote', 'votes'], ['append', 'appends'], ['heartbeat', 'heartbeats'], ['snapshot', 'snapshots'],
               ['client', 'requests'], ['other', 'other messages'], ['record', 'records']];

const view = {
  a: 0, b: 1,           /* the visible span, u */
  even: false, vertical: false, focus: true,
  kinds: new Set(['vote', 'append', 'snapshot', 'client', 'other', 'record']),
  hidden: new Set(),    /* nodes */
  lostOnly: false, evidenceOnly: false, allClients: false,
  t: 0,                 /* the cursor */
  rec: null,            /* the selected record */
  trail: [],            /* records that were left behind by walking back */
  violation: null, evidence: { recs: new Set(), msgs: new Set(), ops: new Set(), faults: new Set() },
  hits: null            /* a search's records: Set of ids */
};

let moments = null;     /* distinct times of records, for even spacing */

function allMoments() {
  if (moments) return moments;
  const all = [];
  for (const s of model.segs)
    for (let i = 0; i < s.n; i++) {
      const ev = s.ev(i);
      if (!ev.startsWith('net.') && ev !== 'timer.set' && s.t[i] !== all[all.length - 1]) all.push(s.t[i]);
    }
  return moments = all.length > 1 ? Float64Array.from(all) : Float64Array.of(model.run.t0, model.run.t1);
}

function toU(t) {
  if (!view.even) return t;
  const m = allMoments(), i = lowerBound(m, t);
  if (i === 0) return (t - m[0]) / 1e8;
  if (i >= m.length) return m.length - 1 + (t - m[m.length - 1]) / 1e8;
  return i - 1 + (t - m[i - 1]) / (m[i] - m[i - 1]);
}

function toT(u) {
  if (!view.even) return u;
  const m = allMoments();
  if (u <= 0) return m[0] + u * 1e8;
  if (u >= m.length - 1) return m[m.length - 1] + (u - m.length + 1) * 1e8;
  const i = Math.floor(u);
  return m[i] + (u - i) * (m[i + 1] - m[i]);
}

function setSpan(a, b) {
  const least = view.even ? 2 : 2000, ends = [toU(model.run.t0), toU(model.run.t1)];
  const most = (ends[1] - ends[0]) * 1.04 + least;
  let width = Math.min(Math.max(b - a, least), most);
  let from = a + (b - a - width) / 2;
  from = Math.max(ends[0] - most * 0.02, Math.min(from, ends[1] + most * 0.02 - width));
  view.a = from;
  view.b = from + width;
  redraw();
}

function showTimes(from, to) { setSpan(toU(from), toU(to)); }

function zoom(factor, at) {
  const u = at === undefined ? (inView(view.t) ? toU(view.t) : (view.a + view.b) / 2) : at;
  setSpan(u - (u - view.a) * factor, u + (view.b - u) * factor);
}

function pan(part) { const d = (view.b - view.a) * part; setSpan(view.a + d, view.b + d); }
function inView(t) { const u = toU(t); return u >= view.a && u <= view.b; }

/* Brings a moment into view, if it is not there already. The scale stays, unless nothing could be told apart in it. */
function reveal(t, closer) {
  if (closer && toT(view.b) - toT(view.a) > 1e9) return showTimes(t - 60e6, t + 60e6);
  const u = toU(t), w = view.b - view.a;
  if (u < view.a + w * 0.04 || u > view.b - w * 0.04) setSpan(u - w / 2, u + w / 2);
}

function setEven(even) {
  const from = toT(view.a), to = toT(view.b);
  view.even = even;
  showTimes(from, to);
}

/* ---- which lanes ---- */

const CLIENTS_SHOWN = 8;

/* Replicas, those that a fault of the violation cut off last; then clients, those of the evidence first. */
function lanes() {
  const fault = [...view.evidence.faults].map(id => model.fault.get(id)).find(f => f && f.groups);
  const group = node => { const g = fault ? fault.groups.findIndex(x => x.includes(node)) : 0; return g < 0 ? 99 : g; };
  const size = node => fault && fault.groups[group(node)] ? -fault.groups[group(node)].length : 0;
  const replicas = model.replicas.filter(n => !view.hidden.has(n))
    .sort((x, y) => size(x) - size(y) || group(x) - group(y) || (x < y ? -1 : 1));
  const out = replicas.map((id, i) => ({ kind: 'replica', id, cut: i > 0 && fault && group(id) !== group(replicas[i - 1]) ? fault : null }));
  const ours = new Set([...view.evidence.ops].map(id => (model.byOp.get(id) || {}).client));
  const clients = model.clients.filter(n => !view.hidden.has(n)).sort((x, y) => ours.has(y) - ours.has(x) || (x < y ? -1 : 1));
  const some = view.allClients ? clients : clients.slice(0, Math.max(CLIENTS_SHOWN, ours.size));
  return out.concat(some.map(id => ({ kind: 'client', id })));
}

/* ---- what is visible ---- */

function shownMessage(m) {
  if (!view.kinds.has(m.kind) || view.hidden.has(m.src) || view.hidden.has(m.dst)) return false;
  if (view.lostOnly && m.fate !== 'dropped') return false;
  return !view.evidenceOnly || view.evidence.msgs.has(m.id);
}

function visibleMessages(from, to) {
  const out = [];
  for (let i = lowerBound(model.messageTimes, from - model.longest); i < model.messages.length; i++) {
    const m = model.messages[i];
    if (m.t > to) break;
    if (m.end >= from && shownMessage(m)) out.push(m);
  }
  return out;
}

/* ---- choosing a violation, a record, a moment ---- */

function evidenceOf(v) {
  const e = { recs: new Set(), msgs: new Set(), ops: new Set(), faults: new Set() };
  if (!v) return e;
  if (v.bad) e.recs.add(v.bad);
  for (const [, , rec, op, msg, fault] of v.evidence) {
    if (rec) e.recs.add(rec);
    if (op) e.ops.add(op);
    if (msg) e.msgs.add(msg);
    if (fault) e.faults.add(fault);
  }
  for (const id of e.recs)
    for (const m of model.atRec.get(id) || []) if (m.fate === 'dropped') e.msgs.add(m.id);
  return e;
}

/* From the first to the last moment of the evidence. */
function extentOf(v) {
  let from = v.t, to = v.t;
  const take = t => { if (t !== null && t !== undefined) { from = Math.min(from, t); to = Math.max(to, t); } };
  for (const id of view.evidence.recs) { const r = model.byId(id); if (r) take(r.t); }
  for (const id of view.evidence.ops) { const o = model.byOp.get(id); if (o) { take(o.from); take(o.to); } }
  return [from, to];
}

function chooseViolation(v, look) {
  view.violation = v;
  view.evidence = evidenceOf(v);
  view.trail = [];
  if (v) {
    view.rec = model.byId(v.bad) || [...view.evidence.recs].map(id => model.byId(id)).find(r => r && r.t >= v.t) || null;
    view.t = view.rec ? view.rec.t : v.t;
    if (look !== false) {
      const [from, to] = extentOf(v), room = Math.max((to - from) * 0.06, 3e6);
      showTimes(from - room, to + room * 1.5);
    }
  }
  changed();
}

function chooseRecord(rec, keepTrail, closer) {
  if (!keepTrail) view.trail = [];
  view.rec = rec;
  view.t = rec.t;
  reveal(rec.t, closer);
  changed();
}

function chooseTime(t) {
  view.rec = null;
  view.trail = [];
  view.t = Math.max(model.run.t0, Math.min(t, model.run.t1));
  reveal(view.t);
  changed();
}
