/* The space-time diagram. Time runs along the first axis and lanes across the second; `pt` and `box` turn both for the
   vertical form. Only what is visible is drawn; above MARKS messages, how many there were instead of each. */

const MARKS = 3000, REQUESTS = 700;
const diagram = { canvas: null, ctx: null, w: 0, h: 0, left: 96, top: 0, lanes: [], at: new Map(), colours: {}, hot: [] };

function readColours() {
  const style = getComputedStyle(document.documentElement), c = {};
  for (const name of ['ink', 'muted', 'line', 'faint', 'surface', 'ground', 'accent', 'fail', 'fail-soft', 'pass', 'unknown',
                      'vote', 'append', 'heartbeat', 'client', 'snapshot', 'other', 'fault', 'fault-soft', 't0', 't1', 't2', 't3',
                      't4', 't5', 'on-term', 'selection'])
    c[name] = style.getPropertyValue('--' + name).trim();
  c.font = style.getPropertyValue('--sans').trim();
  c.mono = style.getPropertyValue('--mono').trim();
  diagram.colours = c;
}

function termColour(term) { return diagram.colours['t' + (Math.max(0, term) % 6)]; }

/* ---- axes ---- */

function axisLength() { return view.vertical ? diagram.h - diagram.top : diagram.w - diagram.left - 10; }
function axisStart() { return view.vertical ? diagram.top : diagram.left; }
function along(t) { return axisStart() + (toU(t) - view.a) / (view.b - view.a) * axisLength(); }
function timeAt(p) { return toT(view.a + (p - axisStart()) / axisLength() * (view.b - view.a)); }
function pt(a, c) { return view.vertical ? [c, a] : [a, c]; }

function box(a, c, da, dc) { diagram.ctx.rect(...(view.vertical ? [c, a, dc, da] : [a, c, da, dc])); }
function fillBox(a, c, da, dc, colour) { const g = diagram.ctx; g.beginPath(); box(a, c, da, dc); g.fillStyle = colour; g.fill(); }

function line(a1, c1, a2, c2, colour, width, dash) {
  const g = diagram.ctx;
  g.beginPath();
  g.moveTo(...pt(a1, c1));
  g.lineTo(...pt(a2, c2));
  g.strokeStyle = colour;
  g.lineWidth = width || 1;
  g.setLineDash(dash || []);
  g.stroke();
  g.setLineDash([]);
}

function text(s, a, c, colour, options) {
  const g = diagram.ctx, o = options || {};
  g.font = (o.bold ? '600 ' : '') + (o.size || 11) + 'px ' + (o.mono ? diagram.colours.mono : diagram.colours.font);
  g.textAlign = o.align || 'left';
  g.textBaseline = 'middle';
  g.fillStyle = colour;
  if (o.max) {
    if (g.measureText(s).width > o.max) {
      while (s.length > 1 && g.measureText(s + '\u2026').width > o.max) s = s.slice(0, -1);
      s = s.length > 1 ? s + '\u2026' : '';
    }
  }
  const [x, y] = pt(a, c);
  if (o.halo) { g.lineWidth = 3; g.strokeStyle = diagram.colours.surface; g.lineJoin = 'round'; g.strokeText(s, x, y); }
  g.fillText(s, x, y);
  return g.measureText(s).width;
}

/* Diagonal lines: colour alone says nothing. */
function hatch(a, c, da, dc, colour, gap) {
  const g = diagram.ctx;
  g.save();
  g.beginPath();
  box(a, c, da, dc);
  g.clip();
  const [x, y] = pt(a, c), [w, h] = view.vertical ? [dc, da] : [da, dc];
  g.beginPath();
  const step = gap || 6, first = Math.floor((x - h) / step) * step; /* anchored, so that it does not swim while panning */
  for (let i = first; i < x + w; i += step) { g.moveTo(i, y + h); g.lineTo(i + h, y); }
  g.strokeStyle = colour;
  g.lineWidth = 1;
  g.stroke();
  g.restore();
}

/* ---- layout ---- */

function layout() {
  const d = diagram, list = lanes(), narrow = d.w < 560;
  d.left = view.vertical ? 64 : narrow ? 58 : 88;
  d.rowTerm = 26 ; d.rowFault = model.faults.length ? 20 : 0;
  d.strips = view.violation ? view.violation.lifetimes.slice(0, 4) : [];
  if (view.vertical) {
    d.top = 44;
    const space = d.w - d.left - 8, unit = space / list.reduce((n, l) => n + (l.kind === 'replica' ? 2 : 1), 0);
    let c = d.left;
    for (const l of list) { l.size = unit * (l.kind === 'replica' ? 2 : 1); l.c = c; l.mid = c + l.size / 2; c += l.size; }
    d.end = c;
    d.strips = [];
  } else {
    d.top = 24;
    let c = d.top + d.rowTerm + d.rowFault + 8, clients = false;
    for (const l of list) {
      if (l.kind === 'client' && !clients) { c += 12; clients = true; }
      if (l.cut) c += 14;
      l.size = l.kind === 'replica' ? 50 : 24;
      l.c = c;
      l.mid = c + l.size / 2;
      c += l.size;
    }
    d.end = c;
    d.stripAt = c + 14;
    d.wanted = c + (d.strips.length ? 24 + d.strips.length * 24 : 0) + 10;
  }
  d.lanes = list;
  d.at = new Map(list.map(l => [l.id, l]));
}

function resize() {
  const d = diagram, rect = d.canvas.parentElement.getBoundingClientRect();
  d.w = Math.floor(rect.width);
  layout();
  d.h = view.vertical ? Math.max(520, Math.min(900, window.innerHeight - 160)) : d.wanted;
  if (view.vertical) layout();
  const ratio = window.devicePixelRatio || 1;
  if (d.canvas.width !== Math.round(d.w * ratio) || d.canvas.height !== Math.round(d.h * ratio)) {
    d.canvas.width = Math.round(d.w * ratio);
    d.canvas.height = Math.round(d.h * ratio);
    d.canvas.style.width = d.w + 'px';
    d.canvas.style.height = d.h + 'px';
  }
  d.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
}

/* ---- the parts, from back to front ---- */

function niceStep(span, most) {
  const raw = span / most, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map(k => k * power).find(s => s >= raw);
}

function timeLabel(t, step) { return (t / 1e6).toFixed(step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : 3); }

function drawAxis() {
  const d = diagram, c = d.colours, from = timeAt(axisStart()), to = timeAt(axisStart() + axisLength());
  const far = d.end + (d.strips.length ? 10 + d.strips.length * 24 : 0);
  const room = Math.max(2, Math.floor(axisLength() / (view.vertical ? 60 : 90)));
  if (view.even) {
    const every = Math.max(1, Math.ceil((view.b - view.a) / room));
    for (let u = Math.ceil(view.a / every) * every; u <= view.b; u += every) tick(toT(u), 1e4, far);
    return;
  }
  const step = niceStep(to - from, room);
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) tick(t, step, far);
  if (!view.vertical) text('ms', d.left - 10, 12, c.muted, { align: 'right', size: 10.5 });
}

function tick(t, step, far) {
  const d = diagram, c = d.colours, a = along(t);
  if (view.vertical) {
    line(a, d.left, a, d.end, c.faint);
    text(timeLabel(t, step), a, d.left - 8, c.muted, { align: 'right', size: 10.5, mono: true });
  } else {
    line(a, d.top, a, far, c.faint);
    if (a > d.left + 12 && a < d.w - 24) text(timeLabel(t, step), a, 12, c.muted, { align: 'center', size: 10.5, mono: true });
  }
}

/* Records that this page does not hold. */
function drawAbsent() {
  const d = diagram, c = d.colours, from = timeAt(axisStart()), to = timeAt(axisStart() + axisLength());
  let at = Math.max(from, model.run.t0);
  const parts = model.segs.filter(s => s.to > from && s.from < to).map(s => [s.from, s.to]);
  parts.push([Math.min(to, model.run.t1), Infinity]);
  const first = d.lanes.length ? d.lanes[0].c : d.top;
  for (const [a, b] of parts) {
    if (a > at) {
      const x = along(at), w = along(a) - x;
      if (w >= 1.5) {
        hatch(x, first, w, d.end - first, c.faint, 8);
        if (w > 130 && !view.vertical)
          text(wanted(at, a) ? 'loading\u2026' : 'not in this page', x + w / 2, first + 9, c.muted, { align: 'center', size: 10.5, halo: true });
      }
    }
    at = Math.max(at, b);
    if (at >= to) break;
  }
}

function drawTerms() {
  const d = diagram, c = d.colours, c0 = d.top + 3, h = d.rowTerm - 8;
  if (view.vertical) return;
  text('term', d.left - 10, c0 + h / 2, c.muted, { align: 'right', size: 11 });
  let edge = 0;
  for (const t of model.terms) {
    const a = Math.max(along(t.from), d.left), b = Math.min(along(t.to === null ? model.run.t1 : t.to), d.left + axisLength());
    if (b <= a) continue;
    const overlap = model.terms.find(o => o !== t && o.term > t.term && o.from < (t.to || model.run.t1) && o.from >= t.from);
    const until = overlap ? Math.min(b, along(overlap.from)) : b;
    if (until > a) {
      fillBox(a, c0, until - a, h, termColour(t.term));
      if (t.wire) hatch(a, c0, until - a, h, c['on-term'], 7);
      if (until - a > 26) text('T' + t.term + (until - a > 90 ? ' \u00b7 ' + show(t.node) + ' leads' : ''), a + 7, c0 + h / 2, c['on-term'],
                           { bold: true, size: 11, max: until - a - 10 });
    }
    if (overlap && b > until && until >= a) { /* leads on, deposed: its belief is drawn thin */
      fillBox(until, c0 + h + 2, b - until, 3, termColour(t.term));
      edge = Math.max(edge, b);
    }
  }
}

function drawFaults() {
  const d = diagram, c = d.colours;
  if (view.vertical || !model.faults.length) return;
  const c0 = d.top + d.rowTerm + 2, h = d.rowFault - 6;
  text('faults', d.left - 10, c0 + h / 2, c.muted, { align: 'right', size: 11 });
  let labelled = -1e9;
  for (const f of model.faults) {
    const a = Math.max(along(f.from), d.left), b = Math.min(along(f.to), d.left + axisLength());
    if (b < d.left || a > d.left + axisLength()) continue;
    const ours = view.evidence.faults.has(f.id), w = Math.max(b - a, 2);
    fillBox(a, c0, w, h, c['fault-soft']);
    hatch(a, c0, w, h, c.fault, 5);
    fillBox(a, c0 + h, w, 1.5, c.fault);
    const on = f.node ? d.lanes.filter(l => l.id === f.node) : d.lanes.filter(l => l.kind === 'replica');
    for (const l of on) fillBox(a, l.c, w, l.size, c['fault-soft']);
    const groups = f.groups ? ' ' + f.groups.map(g => '{' + g.map(show).join(' ') + '}').join(' | ') : f.node ? ' of ' + show(f.node) : '';
    const label = 'F' + f.f + ' ' + show(f.kind) + groups;
    if (a > labelled + 14) {
      const g = d.ctx;
      g.font = '600 10.5px ' + c.font;
      const most = Math.min(d.left + axisLength() - a - 8, Math.max(w - 10, 150)), width = Math.min(g.measureText(label).width, most);
      if (most > 30) {
        fillBox(a + 4, c0, width + 8, h, c.surface);
        text(label, a + 8, c0 + h / 2, c.fault, { bold: ours, size: 10.5, max: most });
        labelled = a + width;
      }
    }
  }
}

function drawLane(l) {
  const d = diagram, c = d.colours, from = timeAt(axisStart()), to = timeAt(axisStart() + axisLength());
  const label = view.vertical ? [d.top - 22, l.mid] : [d.left - 10, l.mid];
  const black = l.kind === 'replica' && !model.traced.has(l.id);
  if (view.vertical) {
    text(show(l.id), label[0], label[1], c.ink, { align: 'center', bold: l.kind === 'replica', size: 11, mono: true, max: l.size });
  } else {
    text(show(l.id), d.left - 10, black ? l.mid - 6 : l.mid, l.kind === 'replica' ? c.ink : c.muted,
         { align: 'right', bold: l.kind === 'replica', size: l.kind === 'replica' ? 12.5 : 11, mono: true });
    if (black) text('no trace', d.left - 10, l.mid + 9, c.muted, { align: 'right', size: 9.5 });
  }
  if (l.kind === 'client') {
    line(along(Math.max(from, model.run.t0)), l.mid, along(Math.min(to, model.run.t1)), l.mid, c.faint);
    return;
  }
  const alive = model.boots.filter(b => b.node === l.id && b.to >= from && b.from <= to);
  for (const b of alive.length || model.traced.has(l.id) ? alive : [{ from: model.run.t0, to: model.run.t1 }])
    line(along(Math.max(b.from, from)), l.mid, along(Math.min(b.to, to)), l.mid, c.line, 2, black ? [2, 5] : null);
  for (const t of model.terms) {
    if (t.node !== l.id || (t.to !== null && t.to < from) || t.from > to) continue;
    drawRole('L', t.term, Math.max(t.from, from), Math.min(t.to === null ? model.run.t1 : t.to, to), l, t.wire);
  }
  for (const s of model.segs) {
    if (s.to < from || s.from > to) continue;
    for (const r of model.roles(s, l.id)) {
      if (r.to < from || r.from > to || r.role === 'L') continue;
      drawRole(r.role, r.term, Math.max(r.from, from), Math.min(r.to, to), l, false);
    }
  }
}

/* A leader is a bar, a candidate a short hatched one, a follower a line: the letter says it again. */
function drawRole(role, term, from, to, l, wire) {
  const d = diagram, c = d.colours, a = along(from), w = Math.max(along(to) - a, 1);
  if (role === 'L') {
    const h = view.vertical ? 14 : 18;
    fillBox(a, l.mid - h / 2, w, h, termColour(term));
    if (wire) hatch(a, l.mid - h / 2, w, h, c['on-term'], 7);
    if (w > 30 && !view.vertical) text('L t' + term, a + 6, l.mid, c['on-term'], { bold: true, size: 11 });
  } else if (role === 'C' || role === 'P') {
    fillBox(a, l.mid - 6, Math.max(w, 2), 12, c.surface);
    hatch(a, l.mid - 6, Math.max(w, 2), 12, c.vote, 4);
    if (w > 18 && !view.vertical) text(role + ' t' + term, a + 5, l.mid, c.vote, { bold: true, size: 10.5, halo: true });
  } else if (w > 40 && !view.vertical) {
    text(role + ' t' + term, a + 6, l.mid - 9, c.muted, { size: 10, halo: true });
  }
}

/* Stretches of which records are missing. */
function drawGaps() {
  const d = diagram, c = d.colours;
  for (const g of model.gaps) {
    const l = d.at.get(g.node) || (g.node === 'sim' ? null : undefined);
    if (l === undefined) continue;
    const a = along(g.from), w = Math.max(along(g.to) - a, 6);
    if (a > axisStart() + axisLength() || a + w < axisStart()) continue;
    const x = Math.max(a, axisStart()), right = Math.min(a + w, axisStart() + axisLength());
    const [c0, size] = l ? [l.c + 4, l.size - 8] : [d.lanes[0].c, d.end - d.lanes[0].c];
    fillBox(x, c0, right - x, size, c.surface);
    hatch(x, c0, right - x, size, c.unknown, 5);
    line(x, c0, x, c0 + size, c.unknown, 1.5);
    line(right, c0, right, c0 + size, c.unknown, 1.5);
    const words = g.missing > 0 ? g.missing + (g.missing === 1 ? ' record missing' : ' records missing') : 'the trace is cut off here';
    const flip = x + 150 > axisStart() + axisLength();
    if (!view.vertical) text(words, flip ? x - 6 : x + 6, c0 + size - 8, c.unknown, { bold: true, size: 10.5, halo: true, align: flip ? 'right' : 'left' });
    diagram.hot.push({ a: x, b: right, c: c0, d: c0 + size, words });
  }
}

function drawCuts() {
  const d = diagram, c = d.colours;
  for (const l of d.lanes) {
    if (!l.cut || view.vertical) continue;
    const a = Math.max(along(l.cut.from), d.left), b = Math.min(along(l.cut.to), d.left + axisLength());
    if (b > a) line(a, l.c - 7, b, l.c - 7, c.fault, 1.5, [6, 4]);
    if (b - a > 60) text('\u2702 cut by F' + l.cut.f, a + 6, l.c - 7, c.fault, { size: 10, halo: true });
  }
}

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
