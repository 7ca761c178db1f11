/* What the diagram stands on: the axis, what the page does not hold, terms, faults, lanes with their roles, gaps. */

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
        if (w > 96 && !view.vertical)
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
