/* The whole run in one strip: how much went on, what was lost, how long answers took, faults, violations; and the brush,
   which is the span that the diagram shows. */

const overview = { canvas: null, w: 0, h: 92, drag: null };

function overX(t) { return (t - model.run.t0) / (model.run.t1 - model.run.t0) * (overview.w - 2) + 1; }
function overT(x) { return model.run.t0 + (x - 1) / (overview.w - 2) * (model.run.t1 - model.run.t0); }

function area(g, values, top, height, colour, fill) {
  const bins = model.summary.overview.bins, most = values.reduce((a, b) => Math.max(a, b), 0);
  if (most === 0) return;
  g.beginPath();
  g.moveTo(1, top + height);
  for (let i = 0; i < bins; i++) g.lineTo(1 + (i + 0.5) / bins * (overview.w - 2), top + height - (values[i] || 0) / most * height);
  g.lineTo(overview.w - 1, top + height);
  g.strokeStyle = g.fillStyle = colour;
  if (fill) { g.closePath(); g.fill(); } else { g.lineWidth = 1; g.stroke(); }
}

/* One value for each pixel or so: what is finer cannot be seen. */
function smooth(values) {
  const bins = model.summary.overview.bins, each = Math.max(1, Math.round(bins / overview.w * 2)), out = new Array(bins).fill(0);
  for (let i = 0; i < bins; i++) {
    let sum = 0;
    for (let k = Math.floor(i / each) * each; k < Math.min(bins, (Math.floor(i / each) + 1) * each); k++) sum += values[k] || 0;
    out[i] = sum / each;
  }
  return out;
}

function drawOverview() {
  const o = overview, c = diagram.colours, data = model.summary.overview, ratio = window.devicePixelRatio || 1;
  o.w = Math.floor(o.canvas.parentElement.clientWidth);
  if (o.canvas.width !== Math.round(o.w * ratio)) {
    o.canvas.width = Math.round(o.w * ratio);
    o.canvas.height = Math.round(o.h * ratio);
    o.canvas.style.width = o.w + 'px';
    o.canvas.style.height = o.h + 'px';
    o.activity = null;
  }
  if (!o.activity) {
    const sum = new Array(data.bins).fill(0);
    for (const r of data.records) r.n.forEach((v, i) => { sum[i] += v; });
    o.activity = smooth(sum); o.lost = smooth(data.lost); o.slow = smooth(data.p99.map(v => Math.sqrt(v)));
  }
  const g = o.canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, o.w, o.h);
  const top = 18, height = 48;
  for (const f of model.faults) {
    const x = overX(f.from), w = Math.max(overX(f.to) - x, 2);
    g.fillStyle = c['fault-soft'];
    g.fillRect(x, top, w, height);
    g.fillStyle = c.fault;
    g.fillRect(x, top, w, 2);
  }
  area(g, o.activity, top + 6, height - 6, c.line, true);
  area(g, o.slow, top + 6, height - 6, c.client, false);
  area(g, o.lost, top + 6, height - 6, c.fail, false);
  /* terms */
  for (const t of model.terms) {
    const x = overX(t.from), w = Math.max(overX(t.to === null ? model.run.t1 : t.to) - x, 2);
    g.fillStyle = termColour(t.term);
    g.fillRect(x, top + height + 3, w, 5);
  }
  /* what the page does not hold */
  g.fillStyle = c.ground;
  let at = model.run.t0;
  const holes = [];
  for (const w of model.summary.windows) { if (w[0] > at) holes.push([at, w[0]]); at = Math.max(at, w[1]); }
  if (at < model.run.t1) holes.push([at, model.run.t1]);
  g.globalAlpha = 0.55;
  for (const [a, b] of holes) g.fillRect(overX(a), top + 2, overX(b) - overX(a), height - 2);
  g.globalAlpha = 1;
  /* violations */
  for (const v of model.summary.violations) {
    const x = overX(v.t), ours = v === view.violation;
    g.fillStyle = c.fail;
    g.beginPath();
    g.moveTo(x, top + height + 9);
    g.lineTo(x - (ours ? 5 : 3), top + height + (ours ? 19 : 15));
    g.lineTo(x + (ours ? 5 : 3), top + height + (ours ? 19 : 15));
    g.fill();
  }
  /* the brush */
  const a = Math.max(1, overX(toT(view.a))), b = Math.min(o.w - 1, overX(toT(view.b))), w = Math.max(b - a, 3);
  g.fillStyle = c.ground;
  g.globalAlpha = 0.5;
  g.fillRect(0, top, a, height);
  g.fillRect(a + w, top, o.w, height);
  g.globalAlpha = 1;
  g.strokeStyle = c.selection;
  g.lineWidth = 1.5;
  g.strokeRect(a, top, w, height);
  g.fillStyle = c.selection;
  for (const x of [a, a + w]) g.fillRect(x - 2, top + height / 2 - 8, 4, 16);
  const cx = overX(view.t);
  g.fillRect(cx - 0.5, top - 2, 1, height + 4);
  /* the axis */
  g.font = '10.5px ' + c.mono;
  g.fillStyle = c.muted;
  g.textBaseline = 'middle';
  const span = (model.run.t1 - model.run.t0), step = niceStep(span, Math.max(2, o.w / 110));
  for (let t = Math.ceil(model.run.t0 / step) * step; t <= model.run.t1; t += step) {
    const x = overX(t), label = (t / 1e9).toFixed(step < 1e9 ? 1 : 0) + ' s';
    g.textAlign = x < 20 ? 'left' : x > o.w - 24 ? 'right' : 'center';
    g.fillText(label, x, 8);
  }
}

function overviewPointer() {
  const o = overview;
  o.canvas.addEventListener('pointerdown', e => {
    const x = e.offsetX, a = overX(toT(view.a)), b = overX(toT(view.b));
    const grip = Math.abs(x - a) < 7 ? 'a' : Math.abs(x - b) < 7 ? 'b' : x > a && x < b ? 'move' : 'new';
    o.drag = { grip, x, a, b };
    o.canvas.setPointerCapture(e.pointerId);
  });
  o.canvas.addEventListener('pointermove', e => {
    const x = e.offsetX;
    if (!o.drag) {
      const a = overX(toT(view.a)), b = overX(toT(view.b));
      o.canvas.style.cursor = Math.abs(x - a) < 7 || Math.abs(x - b) < 7 ? 'ew-resize' : x > a && x < b ? 'grab' : 'crosshair';
      return;
    }
    const { grip, x: from, a, b } = o.drag;
    if (grip === 'move') showTimes(overT(a + x - from), overT(b + x - from));
    else if (grip === 'a') showTimes(overT(Math.min(x, b - 2)), overT(b));
    else if (grip === 'b') showTimes(overT(a), overT(Math.max(x, a + 2)));
    else if (Math.abs(x - from) > 3) showTimes(overT(Math.min(x, from)), overT(Math.max(x, from)));
  });
  o.canvas.addEventListener('pointerup', e => {
    if (o.drag && o.drag.grip === 'new' && Math.abs(e.offsetX - o.drag.x) <= 3) {
      const t = overT(e.offsetX), w = (toT(view.b) - toT(view.a)) / 2;
      showTimes(t - w, t + w);
    }
    o.drag = null;
  });
}
