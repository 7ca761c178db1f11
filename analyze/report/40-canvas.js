/* The space-time diagram: canvas, colours, axes, layout. Time runs along the first axis and lanes across the second; `pt`
   and `box` turn both for the vertical form. */

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
    d.wanted = c + (d.strips.length ? 24 + d.strips.length * 24 : 8) + 12;
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
