/* What happened on the lanes: messages, records, operations, values, the cursor. Only what is visible is drawn; of more than
   MARKS messages, how many there were instead of each. */

const MARKS = 3000, REQUESTS = 700;

function messageColour(m) { return m.fate === 'dropped' ? diagram.colours.fail : diagram.colours[m.kind]; }

function drawMessage(m, strong, faded) {
  const d = diagram, g = d.ctx, from = d.at.get(m.src), to = d.at.get(m.dst);
  if (!from && !to) return;
  const lost = m.fate === 'dropped', colour = messageColour(m);
  let a1 = along(m.t), a2 = along(m.end);
  let c1 = from ? from.mid : to.mid + (to.mid > d.end / 2 ? 14 : -14), c2 = to ? to.mid : from.mid + 14;
  const edge = (l, other) => l ? (other > l.mid ? 1 : -1) * (l.kind === 'replica' ? 9 : 6) : 0;
  const s1 = c1 + edge(from, c2);
  c2 += edge(to, c1);
  c1 = s1;
  g.globalAlpha = faded ? 0.16 : m.kind === 'heartbeat' && !lost ? 0.55 : 1;
  if (lost) { /* as far as it got: half the way, with a cross */
    const reach = 0.55;
    if (a2 - a1 < 8) a2 = a1 + 8;
    const ae = a1 + (a2 - a1) * reach, ce = c1 + (c2 - c1) * reach, size = strong ? 4.5 : 3.5;
    line(a1, c1, ae, ce, colour, strong ? 2 : 1.1, [4, 3]);
    line(ae - size, ce - size, ae + size, ce + size, colour, strong ? 2.4 : 1.7);
    line(ae - size, ce + size, ae + size, ce - size, colour, strong ? 2.4 : 1.7);
    if (strong && !view.vertical) d.labels.push([m, ae + 8, ce]);
    diagram.hotMessages.push([m, a1, c1, ae, ce]);
  } else {
    line(a1, c1, a2, c2, colour, strong ? 2.4 : m.kind === 'heartbeat' ? 0.6 : 1.1, m.fate === 'delivered' || m.fate === 'ignored' ? null : [1, 3]);
    if (m.arrives) arrow(a1, c1, a2, c2, colour, strong ? 6 : 4.5, m.copy > 1);
    diagram.hotMessages.push([m, a1, c1, a2, c2]);
  }
  g.globalAlpha = 1;
}

function arrow(a1, c1, a2, c2, colour, size, doubled) {
  const g = diagram.ctx, angle = Math.atan2(...(view.vertical ? [a2 - a1, c2 - c1] : [c2 - c1, a2 - a1]));
  for (let k = 0; k < (doubled ? 2 : 1); k++) {
    let [x, y] = pt(a2, c2);
    x -= Math.cos(angle) * k * size * 1.1;
    y -= Math.sin(angle) * k * size * 1.1;
    g.beginPath();
    g.moveTo(x, y);
    g.lineTo(x - size * Math.cos(angle - 0.42), y - size * Math.sin(angle - 0.42));
    g.lineTo(x - size * Math.cos(angle + 0.42), y - size * Math.sin(angle + 0.42));
    g.closePath();
    g.fillStyle = colour;
    g.fill();
  }
}

/* Many: how many came to each lane, lost ones on top. */
function drawDensity(list) {
  const d = diagram, c = d.colours, bins = new Map(), width = 3;
  for (const m of list) {
    const lane = d.at.get(m.dst) || d.at.get(m.src);
    if (!lane) continue;
    const key = lane.id, bin = Math.floor((along(m.t) - axisStart()) / width);
    if (!bins.has(key)) bins.set(key, new Map());
    const all = bins.get(key), at = all.get(bin) || [0, 0];
    at[m.fate === 'dropped' ? 1 : 0]++;
    all.set(bin, at);
  }
  let most = 1;
  for (const all of bins.values()) for (const [ok, lost] of all.values()) most = Math.max(most, ok + lost);
  for (const [id, all] of bins) {
    const l = d.at.get(id), room = l.kind === 'replica' ? 14 : 8;
    for (const [bin, [ok, lost]] of all) {
      const a = axisStart() + bin * width, h = Math.ceil(Math.sqrt(ok / most) * room), x = Math.ceil(Math.sqrt(lost / most) * room);
      if (ok) fillBox(a, l.mid + (l.kind === 'replica' ? 10 : 3), width - 1, h, c.append);
      if (lost) fillBox(a, l.mid - (l.kind === 'replica' ? 10 : 3) - x, width - 1, x, c.fail);
    }
  }
  text(list.length.toLocaleString('en') + ' messages: received below each lane, lost ones above it; zoom in to see them', axisStart() + 8,
       d.end + 6, c.muted, { size: 10.5 });
}

function drawMessages() {
  const from = timeAt(axisStart()), to = timeAt(axisStart() + axisLength());
  let list = visibleMessages(from, to);
  if (list.length > REQUESTS && !view.lostOnly) { /* the lanes of the clients say the same in less ink */
    const without = list.filter(m => m.kind !== 'client' || m.fate === 'dropped' || view.evidence.msgs.has(m.id));
    if (without.length < list.length && without.length <= MARKS)
      text('requests show when you zoom in', axisStart() + axisLength() - 6, diagram.end + 6, diagram.colours.muted, { size: 10.5, align: 'right' });
    list = without;
  }
  diagram.hotMessages = [];
  diagram.labels = [];
  const ours = view.evidence.msgs, chain = view.chain || new Set(), focus = view.focus && view.violation && ours.size + view.evidence.ops.size > 0;
  const strong = list.filter(m => ours.has(m.id) || chain.has(m.id));
  if (list.length > MARKS) drawDensity(list);
  else for (const m of list) if (!ours.has(m.id) && !chain.has(m.id)) drawMessage(m, false, focus);
  for (const m of strong) drawMessage(m, true, false);
  let used = -1e9;
  for (const [m, a, c] of diagram.labels.sort((x, y) => x[1] - y[1])) {
    if (a < used) continue;
    used = a + 8 + text(show(m.type) + (m.term >= 0 ? ' t' + m.term : '') + ' \u2715 ' + show(m.why || 'lost'), a, c, diagram.colours.fail,
                        { bold: true, size: 10.5, halo: true });
  }
}

/* Too many of these would hide the rest. */
const QUIET = new Set(['commit.advance', 'read.local', 'read.serve', 'req.redirect', 'timer.fire', 'lease.grant']);
const GLYPHS = { 'vote.grant': '\u25b2', 'vote.deny': '\u25b3', 'timer.fire': '\u25f7', 'commit.advance': '\u25aa', 'log.truncate': '\u2702',
                 'log.reject': '\u2298', 'snap.save': '\u25a3', 'snap.install': '\u25a3', 'read.local': '\u25c6', 'read.serve': '\u25c6',
                 'node.start': '\u25cf', 'node.stop': '\u25a0', 'role.change': '\u25c8', 'req.redirect': '\u21aa', 'lease.grant': '\u25c7' };

function drawRecords() {
  const d = diagram, c = d.colours, from = timeAt(axisStart()), to = timeAt(axisStart() + axisLength());
  d.hotRecords = [];
  const drawn = new Map();
  for (const s of model.segs) {
    if (s.to < from || s.from > to) continue;
    const first = lowerBound(s.t, from), last = lowerBound(s.t, to, true);
    const dense = last - first > MARKS * 6, crowded = last - first > MARKS / 2;
    for (let i = first; i < last; i++) {
      const id = s.id[i], ours = view.evidence.recs.has(id), hit = view.hits && view.hits.has(id);
      if (dense && !ours && !hit) continue;
      const ev = s.ev(i), node = s.boots[s.boot[i]][0], l = d.at.get(node);
      if (!l) continue;
      const glyph = crowded && QUIET.has(ev) ? undefined : GLYPHS[ev];
      if (!ours && !hit && (!glyph || !view.kinds.has('record') || view.evidenceOnly)) continue;
      const a = along(s.t[i]), last1 = drawn.get(node + ev);
      if (!ours && !hit && last1 !== undefined && a - last1 < 11) continue; /* one of many, unreadable on top of each other */
      drawn.set(node + ev, a);
      const up = ev === 'commit.advance' ? 15 : ev.startsWith('read.') || ev.startsWith('req.') ? 17 : -15;
      const bad = view.violation && view.violation.bad === id;
      if (bad) {
        const g = d.ctx;
        g.beginPath();
        g.arc(...pt(a, l.mid), 8, 0, 7);
        g.lineWidth = 2.5;
        g.strokeStyle = c.fail;
        g.fillStyle = c.surface;
        g.fill();
        g.stroke();
        text('!', a, l.mid, c.fail, { bold: true, size: 12, align: 'center' });
        if (!view.vertical) {
          const words = 'first wrong step', right = a + 110 > d.left + axisLength();
          text(words, right ? a - 13 : a + 13, l.mid - 16, c.fail, { bold: true, size: 11, align: right ? 'right' : 'left', halo: true });
        }
      } else if (ours || hit) {
        const g = d.ctx;
        g.beginPath();
        g.arc(...pt(a, l.mid), 4.5, 0, 7);
        g.fillStyle = hit ? c.selection : c.accent;
        g.strokeStyle = c.surface;
        g.lineWidth = 1.5;
        g.fill();
        g.stroke();
      } else {
        const faded = view.focus && view.violation;
        d.ctx.globalAlpha = faded ? 0.45 : 1;
        text(glyph, a, l.mid + (view.vertical ? 0 : up), ev.startsWith('vote') || ev === 'role.change' ? c.vote : ev.startsWith('read') ? c.client : c.muted,
             { size: 9, align: 'center' });
        d.ctx.globalAlpha = 1;
      }
      d.hotRecords.push([s, i, a, ours || hit || bad ? l.mid : l.mid + (view.vertical ? 0 : up)]);
    }
  }
}

function opWords(o) {
  const val = o.val === null ? '' : o.f === 'get' ? ' \u2192 ' + short(o.val, 24) : '=' + short(o.val, 24);
  return show(o.f) + ' ' + short(o.key === null ? '' : o.key, 24) + val;
}

function drawOps() {
  const d = diagram, c = d.colours, from = timeAt(axisStart()), to = timeAt(axisStart() + axisLength());
  d.hotOps = [];
  const edge = new Map();
  for (const o of model.ops) {
    if (o.from > to) break;
    const end = o.to === null ? model.run.t1 : o.to, l = d.at.get(o.client);
    if (!l || end < from) continue;
    const ours = view.evidence.ops.has(o.id);
    if (view.evidenceOnly && !ours) continue;
    const wrong = ours && view.violation && o.f === 'get' && end >= view.violation.t - 1;
    const a = along(Math.max(o.from, from)), w = Math.max(along(Math.min(end, to)) - a, ours ? 4 : 1.5);
    if (!ours && a + w < (edge.get(l.id) || -1) + 1) continue; /* nothing of it would show */
    edge.set(l.id, a + w);
    const h = view.vertical ? Math.min(l.size - 4, 14) : 16, top = l.mid - h / 2;
    d.ctx.globalAlpha = !ours && view.focus && view.violation ? 0.4 : 1;
    const colour = wrong ? c.fail : ours ? c.accent : o.result === 'ok' ? c.client : c.muted;
    if (o.result === 'info') {
      hatch(a, top, w, h, colour, 5);
      line(a, top, a, top + h, colour, 1.5);
    } else {
      fillBox(a, top, w, h, ours ? colour : c.surface);
      const g = d.ctx;
      g.beginPath();
      box(a + 0.5, top + 0.5, Math.max(w - 1, 0.5), h - 1);
      g.strokeStyle = colour;
      g.lineWidth = 1;
      g.setLineDash(o.result === 'fail' ? [2, 2] : []);
      g.stroke();
      g.setLineDash([]);
    }
    if (!view.vertical) {
      if (w > 44) text(opWords(o) + (o.result === 'ok' ? '' : ' ' + show(o.result)), a + 5, l.mid, ours && o.result !== 'info' ? c['on-term'] : c.ink,
                       { size: 10.5, mono: true, max: w - 8, halo: o.result === 'info' });
      else if (ours) d.after.push(() => {
        const words = opWords(o) + (wrong ? '  \u2190 wrong' : ''), right = a + w + 230 > d.left + axisLength();
        text(words, right ? a - 6 : a + w + 6, l.mid, wrong ? c.fail : c.accent, { bold: true, size: 11, mono: true, halo: true, align: right ? 'right' : 'left' });
      });
    }
    d.ctx.globalAlpha = 1;
    d.hotOps.push([o, a, w, top, h]);
  }
}

/* Until when was which value certainly current? Where two overlap, no order of the operations explains what was seen. */
function drawLifetimes() {
  const d = diagram, c = d.colours;
  if (!d.strips.length || view.vertical) return;
  text('values', d.left - 10, d.stripAt + 10, c.muted, { align: 'right', size: 11 });
  d.strips.forEach(([key, val, first, last], k) => {
    const sure = first < last, from = Math.min(first, last), to = Math.max(first, last), c0 = d.stripAt + k * 24, h = 18;
    const a = Math.max(along(from), d.left), b = Math.min(along(to), d.left + axisLength());
    const words = short(key, 30) + ' = ' + short(val === '' ? '(nothing)' : val, 30) +
                  (sure ? '  certainly current, ' + duration(to - from) : '  current at some moment in between');
    if (b >= d.left && a <= d.left + axisLength()) {
      const w = Math.max(b - a, 3), colour = k % 2 ? c.vote : c.accent;
      if (sure) { d.ctx.globalAlpha = 0.22; fillBox(a, c0, w, h, colour); d.ctx.globalAlpha = 1; }
      const g = d.ctx;
      g.beginPath();
      box(a + 0.5, c0 + 0.5, w - 1, h - 1);
      g.strokeStyle = colour;
      g.lineWidth = sure ? 1.5 : 1;
      g.setLineDash(sure ? [] : [3, 3]);
      g.stroke();
      g.setLineDash([]);
      const inside = w > 200, right = !inside && a + w + 290 > d.left + axisLength();
      text(words, inside ? a + 7 : right ? a - 7 : a + w + 7, c0 + h / 2, c.ink, { size: 11, align: right ? 'right' : 'left', halo: true, max: inside ? w - 12 : 420 });
    }
  });
}

function drawCursor() {
  const d = diagram, c = d.colours, a = along(view.t);
  if (a < axisStart() - 1 || a > axisStart() + axisLength() + 1) return;
  line(a, view.vertical ? d.left : d.top - 2, a, view.vertical ? d.end : d.h - 4, c.selection, 1.5);
  if (view.rec) {
    const l = d.at.get(view.rec.node);
    if (l) {
      const g = d.ctx;
      g.beginPath();
      g.arc(...pt(a, l.mid), 11, 0, 7);
      g.strokeStyle = c.selection;
      g.lineWidth = 2;
      g.stroke();
    }
  }
  const label = ms(view.t);
  const g = d.ctx;
  g.font = '600 11px ' + c.mono;
  const w = g.measureText(label).width + 10;
  if (view.vertical) { fillBox(a - 8, 2, 16, d.left - 6, c.selection); text(label, a, d.left - 8, c.surface, { bold: true, size: 10.5, mono: true, align: 'right' }); }
  else {
    const x = Math.max(d.left - 4, Math.min(a - w / 2, d.w - w));
    fillBox(x, 3, w, 18, c.selection);
    text(label, x + w / 2, 12, c.surface, { bold: true, size: 11, mono: true, align: 'center' });
  }
}

/* The causal chain of the selected record: its datagrams are drawn bold. */
function markChain() {
  view.chain = new Set();
  if (!view.rec) return;
  for (const r of model.chain(view.rec, 12))
    for (const m of model.atRec.get(r.id) || []) if (m.recv === r.id || m.out === r.id) view.chain.add(m.id);
}

function draw() {
  const d = diagram, g = d.ctx;
  resize();
  g.clearRect(0, 0, d.w, d.h);
  d.hot = []; d.after = [];
  drawAxis();
  g.save();
  g.beginPath();
  if (view.vertical) g.rect(0, d.top - 12, d.w, d.h); else g.rect(d.left, 0, d.w - d.left, d.h);
  g.clip();
  drawAbsent();
  g.restore();
  drawTerms();
  drawFaults();
  for (const l of d.lanes) drawLane(l);
  g.save();
  g.beginPath();
  if (view.vertical) g.rect(d.left, d.top, d.w, d.h); else g.rect(d.left, d.top, d.w - d.left, d.h);
  g.clip();
  drawGaps();
  drawCuts();
  drawMessages();
  drawOps();
  drawRecords();
  drawLifetimes();
  for (const f of d.after) f();
  g.restore();
  drawCursor();
}

/* ---- what is under the pointer ---- */

function near(x, y) {
  const [a, c] = view.vertical ? [y, x] : [x, y];
  let best = null, distance = 8;
  for (const [s, i, ra, rc] of diagram.hotRecords || []) {
    const far = Math.hypot(ra - a, rc - c);
    if (far < distance) { distance = far; best = { rec: new Rec(s, i) }; }
  }
  for (const [o, oa, w, top, h] of diagram.hotOps || [])
    if (a >= oa - 2 && a <= oa + w + 2 && c >= top && c <= top + h && distance > 4) return { op: o };
  for (const [m, a1, c1, a2, c2] of diagram.hotMessages || []) {
    const dx = a2 - a1, dy = c2 - c1, k = Math.max(0, Math.min(1, ((a - a1) * dx + (c - c1) * dy) / (dx * dx + dy * dy || 1)));
    const far = Math.hypot(a1 + k * dx - a, c1 + k * dy - c);
    if (far < Math.min(distance, 6)) { distance = far; best = { msg: m }; }
  }
  if (!best) for (const h of diagram.hot) if (a >= h.a && a <= h.b && c >= h.c && c <= h.d) return { words: h.words };
  return best;
}
