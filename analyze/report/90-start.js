/* Builds the interactive part, and lets keys, pointer and links work on it. */

let model = null, dirty = false;

function redraw() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame(() => { dirty = false; draw(); drawOverview(); loadWanted(); });
}

/* The cursor, the record or the violation is another one. */
function changed() {
  markChain();
  stateTable();
  recordPanel();
  const v = view.violation;
  parts.which.textContent = v ? 'V' + v.id : '';
  parts.title.textContent = v ? show(v.title) : model.summary.violations.length ? 'no violation chosen' : 'no violations';
  for (const d of document.querySelectorAll('details.violation')) {
    const ours = !!v && d.id === 'V' + v.id;
    d.classList.toggle('chosen', ours);
    if (ours) { d.open = true; d.closest('details.class').open = true; }
  }
  for (const li of document.querySelectorAll('.steps li')) {
    const here = view.rec ? Number(li.dataset.rec) === view.rec.id : false;
    li.classList.toggle('here', here);
  }
  if (view.rec) say(ms(view.rec.t) + ' ms  ' + show(view.rec.node) + '  ' + sentence(view.rec));
  else say(ms(view.t) + ' ms');
  redraw();
}

/* ---- chunks, loaded when they come into view (analyze report --all) ---- */

const chunks = { asked: new Set(), loaded: new Set() };

function wanted(from, to) {
  return model.summary.chunks && model.summary.windows.some((w, k) => w[0] < to && w[1] > from && !chunks.loaded.has(k));
}

function loadWanted() {
  if (!model.summary.chunks) return;
  const from = toT(view.a), to = toT(view.b);
  const k = model.summary.windows.findIndex((w, i) => w[0] < to && w[1] > from && !chunks.asked.has(i));
  if (k < 0 || chunks.asked.size - chunks.loaded.size >= 2) return;
  chunks.asked.add(k);
  document.head.append(el('script', { src: 'chunk-' + String(k).padStart(3, '0') + '.js',
                                      onerror: () => say('chunk-' + k + '.js is not beside this page') }));
}

window.faultline = (k, json) => {
  if (chunks.loaded.has(k)) return;
  chunks.loaded.add(k);
  moments = null;
  model.add([json]);
  if (view.violation) view.evidence = evidenceOf(view.violation);
  followLink();
  changed();
};

/* ---- the stage ---- */

function button(words, title, onclick, options) { return el('button', Object.assign({ type: 'button', title, onclick }, options), words); }

function toggle(words, title, get, set) {
  const b = button(words, title, () => { set(!get()); b.setAttribute('aria-pressed', String(get())); redraw(); }, { 'aria-pressed': String(get()) });
  parts.toggles = (parts.toggles || []).concat(() => b.setAttribute('aria-pressed', String(get())));
  return b;
}

function refreshToggles() { for (const f of parts.toggles) f(); }

function check(words, get, set) {
  const box = el('input', { type: 'checkbox', onchange: () => { set(box.checked); redraw(); } });
  box.checked = get();
  return el('label', {}, box, el('span', {}, words));
}

function member(set, x) { return [() => set.has(x), on => { if (on) set.add(x); else set.delete(x); }]; }

function filters() {
  const nodes = [...model.replicas, ...model.clients.slice(0, 40)];
  return el('details', { class: 'filters' }, el('summary', {}, 'Filter'), el('div', { class: 'sheet' },
    el('fieldset', {}, el('legend', {}, 'messages and marks'), KINDS.map(([k, words]) => check(words, ...member(view.kinds, k)))),
    el('fieldset', {}, el('legend', {}, 'only'), check('lost messages', () => view.lostOnly, on => { view.lostOnly = on; }),
      check('evidence', () => view.evidenceOnly, on => { view.evidenceOnly = on; }),
      model.clients.length > CLIENTS_SHOWN ? check('all ' + model.clients.length + ' clients', () => view.allClients, on => { view.allClients = on; }) : null),
    el('fieldset', {}, el('legend', {}, 'nodes'), nodes.map(n => check(show(n), () => !view.hidden.has(n), on => { if (on) view.hidden.delete(n); else view.hidden.add(n); })))));
}

function sqlButton(panel) { return button('SQL', 'The SQL behind this panel (q)', () => openSql(panel), { class: 'quiet sql' }); }

function build() {
  const stage = document.getElementById('stage');
  parts.hint = el('p', { class: 'hint', 'aria-hidden': 'true' });
  parts.live = el('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  parts.which = el('b', { class: 'ref' });
  parts.title = el('span', { class: 'what' });
  parts.dialog = el('dialog', { 'aria-label': 'Help' });
  parts.search = el('input', { type: 'search', placeholder: 'ev:role.change node:0003 term:3 k1', 'aria-label': 'Search records', spellcheck: 'false', autocomplete: 'off' });
  parts.hits = el('div', { class: 'hits', hidden: true });
  overview.canvas = el('canvas', { role: 'img', 'aria-label': 'Overview of the whole run: activity, lost messages, faults, terms and violations. The diagram below shows the framed span.' });
  diagram.canvas = el('canvas', { 'aria-hidden': 'true' });
  diagram.ctx = diagram.canvas.getContext('2d');
  parts.tip = el('div', { class: 'tip', hidden: true, role: 'tooltip' });
  parts.diagram = el('div', { class: 'diagram', tabindex: 0, role: 'application', 'data-sql': 'diagram',
    'aria-label': 'Space-time diagram. Left and right arrows go from record to record, brackets along causes, question mark lists all keys.' }, diagram.canvas, parts.tip);
  parts.state = el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'State of every replica at the cursor' });
  parts.stateAt = el('time', {});
  parts.record = el('div', { class: 'record' });
  const many = model.summary.violations.length > 0;
  stage.append(
    el('div', { class: 'head' },
      many ? el('div', { class: 'chooser' }, button('\u2039', 'Previous violation (p)', () => nextViolation(-1), { 'aria-label': 'Previous violation' }), parts.which,
        button('\u203a', 'Next violation (n)', () => nextViolation(1), { 'aria-label': 'Next violation' }), parts.title) : el('div', { class: 'chooser' }, parts.title),
      el('form', { class: 'search', role: 'search', onsubmit: e => { e.preventDefault(); search(parts.search.value); } }, parts.search)),
    parts.hits,
    el('div', { class: 'overview', 'data-sql': 'overview' }, el('div', {}, overview.canvas),
      el('p', { class: 'legend' }, el('span', { class: 'k activity' }, 'records'), el('span', { class: 'k lost' }, 'lost'), el('span', { class: 'k slow' }, 'slowest answers'),
        model.faults.length ? el('span', { class: 'k fault' }, 'faults') : null, many ? el('span', { class: 'k viol' }, 'violations') : null, sqlButton('overview'))),
    el('div', { class: 'toolbar', role: 'toolbar', 'aria-label': 'Diagram' },
      el('span', { class: 'group' }, button('\u2212', 'Zoom out (-)', () => zoom(1.6), { 'aria-label': 'Zoom out' }), button('+', 'Zoom in (+)', () => zoom(1 / 1.6), { 'aria-label': 'Zoom in' }),
        button('all', 'The whole run (0)', wholeRun)),
      el('span', { class: 'group' }, toggle('even', 'Even spacing (e)', () => view.even, setEven), toggle('vertical', 'Time from top to bottom (v)', () => view.vertical, on => { view.vertical = on; }),
        toggle('focus', 'Fade what is no evidence (f)', () => view.focus, on => { view.focus = on; })),
      filters(),
      el('span', { class: 'group end' }, sqlButton('diagram'), button('?', 'Keys and marks (?)', openHelp, { 'aria-label': 'Keys and marks' }))),
    parts.diagram, parts.hint,
    el('div', { class: 'panels' },
      el('section', { class: 'panel', 'data-sql': 'state' }, el('h3', {}, 'State at ', parts.stateAt, sqlButton('state')), parts.state),
      el('section', { class: 'panel', 'data-sql': 'record' }, el('h3', {}, 'Record', sqlButton('record')), parts.record)),
    parts.live, parts.dialog);
  for (const [selector, panel] of [['#story', 'story'], ['#checks', 'checks'], ['#links', 'links'], ['.course', 'course'], ['#holds', 'holds']]) {
    const section = document.querySelector(selector);
    if (!section) continue;
    section.dataset.sql = panel;
    section.querySelector('h2').append(' ', sqlButton(panel));
  }
  for (const code of document.querySelectorAll('code.cmd')) code.after(' ', copyButton(code.textContent));
}

function wholeRun() { setSpan(toU(model.run.t0), toU(model.run.t1)); }

function nextViolation(dir) {
  const all = model.summary.violations;
  if (!all.length) return;
  const k = all.indexOf(view.violation);
  goTo('#V' + all[(k + dir + all.length) % all.length].id);
}

/* ---- links ---- */

let followed = null; /* the hash that the page shows */

function followLink() {
  let hash = location.hash.slice(1), m;
  followed = location.hash;
  try { hash = decodeURIComponent(hash); } catch (e) { return false; }
  if ((m = /^V(\d+)$/.exec(hash))) {
    const v = model.violation.get(Number(m[1]));
    if (v) chooseViolation(v); else say('V' + m[1] + ' is not in this page: analyze explain ' + model.run.where + ' V' + m[1]);
    return !!v;
  }
  if ((m = /^t=([\d.]+)$/.exec(hash))) { chooseTime(parseFloat(m[1]) * 1e6); reveal(view.t, true); return true; }
  if ((m = /^(.+)\.(\d+):(\d+)$/.exec(hash))) {
    const r = model.byRef(m[1], Number(m[2]), Number(m[3]));
    if (r) { chooseRecord(r, false, true); return true; }
    say(hash + ' is not in this page: analyze explain ' + model.run.where + ' ' + hash);
  }
  return false;
}

/* At once: the browser tells of a new hash later, and keys may come faster. */
function goTo(hash) { location.hash = hash; followLink(); }

/* ---- keys and pointer ---- */

function stepRecord(dir) {
  const rec = model.step({ rec: view.rec, t: view.t }, dir, (s, i) => {
    const node = s.boots[s.boot[i]][0], ev = s.ev(i);
    return diagram.at.has(node) && ev !== 'timer.set' && !ev.startsWith('trace.');
  });
  if (rec) chooseRecord(rec);
}

function stepLane(dir) {
  const all = diagram.lanes.filter(l => l.kind === 'replica'), k = all.findIndex(l => view.rec && l.id === view.rec.node);
  const l = all[(k + dir + all.length) % all.length];
  const rec = l && model.step({ t: view.t + 1 }, -1, (s, i) => s.boots[s.boot[i]][0] === l.id);
  if (rec) { chooseRecord(rec); }
}

function panelInFocus() {
  const inside = (document.activeElement && document.activeElement.closest('[data-sql]')) || parts.hovered;
  return inside ? inside.dataset.sql : 'diagram';
}

const ACTIONS = {
  '[': walkBack, ']': walkOn, n: () => nextViolation(1), p: () => nextViolation(-1),
  e: () => { setEven(!view.even); refreshToggles(); }, v: () => { view.vertical = !view.vertical; refreshToggles(); redraw(); },
  f: () => { view.focus = !view.focus; refreshToggles(); redraw(); }, '/': () => { parts.search.focus(); parts.search.select(); },
  q: () => openSql(panelInFocus()), '?': openHelp, '+': () => zoom(1 / 1.6), '=': () => zoom(1 / 1.6), '-': () => zoom(1.6), '0': wholeRun
};
const IN_DIAGRAM = { ArrowLeft: e => e.shiftKey ? pan(-0.15) : stepRecord(-1), ArrowRight: e => e.shiftKey ? pan(0.15) : stepRecord(1),
                     ArrowUp: () => stepLane(-1), ArrowDown: () => stepLane(1), Home: () => chooseTime(model.run.t0), End: () => chooseTime(model.run.t1) };

function keys() {
  document.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || parts.dialog.open) return;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== 'checkbox';
    if (e.key === 'Escape') {
      if (view.hits) { parts.search.value = ''; search(''); }
      document.querySelector('.filters').open = false;
      if (typing) parts.diagram.focus({ preventScroll: true });
      return;
    }
    if (typing) return;
    const action = ACTIONS[e.key] || (e.target === parts.diagram && IN_DIAGRAM[e.key]);
    if (!action) return;
    e.preventDefault();
    action(e);
  });
  document.addEventListener('pointerover', e => { parts.hovered = e.target.closest ? e.target.closest('[data-sql]') : null; });
  window.addEventListener('hashchange', () => { if (location.hash !== followed) followLink(); });
  document.addEventListener('click', e => { /* a link to where we are already brings us there again */
    const a = e.target.closest ? e.target.closest('a[href^="#"]') : null;
    if (a && a.getAttribute('href') === location.hash) followLink();
    const li = e.target.closest ? e.target.closest('.steps li') : null;
    if (li && !a && getSelection().isCollapsed) {
      const r = model.byId(Number(li.dataset.rec));
      if (r) chooseRecord(r); else chooseTime(Number(li.dataset.t));
    }
  });
}

function tipWords(hit) {
  if (hit.words) return [hit.words];
  if (hit.rec) return [ms(hit.rec.t) + ' ms  ' + show(hit.rec.node), sentence(hit.rec), show(hit.rec.ref)];
  if (hit.op) {
    const o = hit.op;
    return [show(o.op) + '  ' + opWords(o), ms(o.from) + (o.to === null ? ' ms, never answered' : ' to ' + ms(o.to) + ' ms, ' + show(o.result) + (o.by ? ' by ' + show(o.by) : '')) + (o.why ? ' (' + show(o.why) + ')' : '')];
  }
  const m = hit.msg;
  return [show(m.type || 'datagram') + (m.term >= 0 ? ' of term ' + m.term : '') + '  ' + show(m.src) + ' \u2192 ' + show(m.dst) + (m.copy > 1 ? ', copy ' + m.copy : ''),
          m.fate === 'dropped' ? 'lost at ' + ms(m.end) + ' ms: ' + show(m.why || 'unknown') + (m.fault ? ', F' + (model.fault.get(m.fault) || { f: '?' }).f : '')
          : ms(m.t) + (m.arrives ? ' to ' + ms(m.end) + ' ms, ' + duration(m.end - m.t) : ' ms, ' + show(m.fate)) + (m.fate === 'ignored' ? ', without effect' : ''), 'd:' + m.d];
}

function pointer() {
  const d = parts.diagram;
  let drag = null;
  d.addEventListener('pointerdown', e => {
    if (e.button !== 0) return;
    drag = { x: e.clientX, y: e.clientY, a: view.a, b: view.b, moved: false };
    if (e.pointerType === 'mouse') d.setPointerCapture(e.pointerId);
  });
  d.addEventListener('pointermove', e => {
    const rect = diagram.canvas.getBoundingClientRect(), x = e.clientX - rect.left, y = e.clientY - rect.top;
    if (drag) {
      const moved = view.vertical ? e.clientY - drag.y : e.clientX - drag.x;
      if (Math.abs(moved) > 3) drag.moved = true;
      if (drag.moved) { const by = moved / axisLength() * (drag.b - drag.a); setSpan(drag.a - by, drag.b - by); parts.tip.hidden = true; }
      return;
    }
    const hit = near(x, y);
    parts.tip.hidden = !hit;
    d.style.cursor = hit ? 'pointer' : 'grab';
    if (!hit) return;
    parts.tip.replaceChildren(...tipWords(hit).map((w, i) => el(i === 0 ? 'b' : 'span', {}, w)));
    const w = parts.tip.offsetWidth;
    parts.tip.style.left = Math.max(4, Math.min(x + 14, rect.width - w - 4)) + 'px';
    parts.tip.style.top = y + 18 + 'px';
  });
  d.addEventListener('pointerup', e => {
    const was = drag;
    drag = null;
    if (!was || was.moved) return;
    const rect = diagram.canvas.getBoundingClientRect(), x = e.clientX - rect.left, y = e.clientY - rect.top, hit = near(x, y);
    const rec = !hit ? null : hit.rec || model.byId(hit.msg ? hit.msg.recv || hit.msg.drop || hit.msg.out || hit.msg.in || hit.msg.send : hit.op ? hit.op.back || hit.op.invoke : 0);
    if (rec) chooseRecord(rec);
    else if ((view.vertical ? y : x) >= axisStart()) chooseTime(timeAt(view.vertical ? y : x));
  });
  d.addEventListener('pointercancel', () => { drag = null; });
  d.addEventListener('pointerleave', () => { parts.tip.hidden = true; });
  d.addEventListener('wheel', e => {
    const rect = diagram.canvas.getBoundingClientRect(), p = view.vertical ? e.clientY - rect.top : e.clientX - rect.left;
    if (e.ctrlKey || e.metaKey) { e.preventDefault(); zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * 0.008), toU(timeAt(p))); }
    else if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) { e.preventDefault(); pan((e.deltaX || e.deltaY) / axisLength()); }
  }, { passive: false });
}

function start() {
  const summary = document.getElementById('summary');
  if (!summary) return; /* an index: nothing to draw */
  model = new Model(JSON.parse(summary.textContent));
  model.add([...document.querySelectorAll('script.window')].map(s => JSON.parse(s.textContent)));
  readColours();
  build();
  keys();
  pointer();
  overviewPointer();
  const look = matchMedia('(prefers-color-scheme: dark)');
  look.addEventListener('change', () => { readColours(); redraw(); });
  new ResizeObserver(redraw).observe(parts.diagram);
  view.t = model.run.t0;
  view.a = model.run.t0;
  view.b = model.run.t1;
  layout();
  if (!followLink()) {
    const first = document.querySelector('details.violation'), v = first ? model.violation.get(Number(first.id.slice(1))) : null;
    if (v) chooseViolation(v);
    else { /* the first window: where something happened */
      const t = model.terms.length ? model.terms[0].from : model.run.t0;
      wholeRun();
      chooseTime(t);
    }
  }
  document.documentElement.classList.add('ready');
}

start();
