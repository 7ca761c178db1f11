/* The panels beside the diagram: the state of every replica at the cursor, the selected record with its causes, and the
   SQL behind each. */

const parts = {}; /* elements by name */

/* ---- state ---- */

function keysOfInterest() {
  const keys = [];
  if (view.violation && view.violation.key !== null) keys.push(view.violation.key);
  for (const [key] of view.violation ? view.violation.lifetimes : []) if (!keys.includes(key)) keys.push(key);
  return keys.slice(0, 3);
}

function stateTable() {
  const keys = keysOfInterest(), head = ['node', 'role', 'term', 'last', 'commit', 'applied'];
  const rows = model.replicas.map(node => ({ node, at: model.stateAt(node, view.t) }));
  const newest = Math.max(...rows.map(r => r.at ? r.at.state.term : -1));
  const cell = (r, name, words) => el('td', { class: r.at.changed.has(name) ? 'changed' : null,
                                              title: r.at.changed.has(name) ? 'changed by ' + r.at.ref : null },
                                      words, r.at.changed.has(name) ? el('span', { class: 'dot', 'aria-label': 'changed' }, '\u2022') : null);
  const body = rows.map(r => {
    if (!r.at) {
      const why = !model.traced.has(r.node) ? 'no trace: unknown' : model.segAt(view.t) ? 'not started' : 'not in this page';
      return el('tr', { class: 'unknown' }, el('th', { scope: 'row' }, show(r.node)), el('td', { colspan: 5 + keys.length }, why));
    }
    const s = r.at.state, stale = s.role === 'L' && s.term < newest;
    return el('tr', { class: view.rec && view.rec.node === r.node ? 'here' : null },
      el('th', { scope: 'row' }, show(r.node)),
      cell(r, 'role', [el('b', { class: 'role ' + (ROLES[s.role] || 'other').replace('-', '') }, show(s.role)), ' ' + (ROLES[s.role] || '?'),
                       stale ? el('b', { class: 'stale', title: 'another replica is in a later term' }, ' !') : null]),
      cell(r, 'term', s.term), cell(r, 'last', s.last), cell(r, 'commit', s.commit), cell(r, 'applied', s.applied),
      keys.map(k => { const v = model.valueAt(r.node, k, view.t); return el('td', { class: 'value' }, v === undefined ? '\u2013' : short(v === null ? '' : v, 24)); }));
  });
  parts.state.replaceChildren(
    el('table', { class: 'state' },
      el('thead', {}, el('tr', {}, head.map(h => el('th', { scope: 'col' }, h)), keys.map(k => el('th', { scope: 'col' }, short(k, 20))))),
      el('tbody', {}, body)));
  parts.stateAt.textContent = ms(view.t) + ' ms';
}

/* ---- the record ---- */

function linkTo(id, note) {
  const r = model.byId(id);
  if (!r) return el('li', {}, el('span', { class: 'note' }, 'record ' + id + ' is not in this page'), note ? ' ' + note : null);
  return el('li', {}, el('button', { class: 'ref', type: 'button', onclick: () => chooseRecord(r) }, show(r.ref)), ' ',
            el('span', {}, short(sentence(r), 110)));
}

/* Messages that never reached this replica before the record: any with a higher term would have told it so. */
function lostBefore(rec) {
  const state = rec.state, out = [];
  for (const m of model.messages) {
    if (m.t > rec.t) break;
    if (m.fate === 'dropped' && m.dst === rec.node && rec.t - m.t < 1e10) out.push(m);
  }
  return { all: out, higher: state ? out.filter(m => m.term > state.term && !/^pre/i.test(m.type)) : [] };
}

function recordPanel() {
  const r = view.rec;
  if (!r) {
    parts.record.replaceChildren(el('p', { class: 'note' }, 'Choose a record, a message or an operation in the drawing, or press \u2190 and \u2192 in it.'));
    return;
  }
  const path = model.paths.get(r.source) || '', fields = [...r.fields], s = r.state;
  if (s) fields.push(['state', (ROLES[s.role] || s.role) + ', term ' + s.term + ', last ' + s.last + ', commit ' + s.commit + ', applied ' + s.applied]);
  const causes = model.causes(r), effects = model.effects(r).slice(0, 12), lost = model.replicas.includes(r.node) ? lostBefore(r) : { all: [], higher: [] };
  const note = view.violation ? view.violation.evidence.filter(e => e[2] === r.id && e[6]).map(e => e[6]) : [];
  parts.record.replaceChildren(...[
    el('p', { class: 'says' }, el('b', {}, show(r.node)), ' ', sentence(r)),
    note.map(n => el('p', { class: 'evidence' }, show(n))),
    el('p', { class: 'at' }, el('time', {}, (r.t / 1e6).toFixed(3) + ' ms'), el('code', {}, show(r.ev)), el('code', {}, show(r.ref)), el('code', { class: 'path' }, show(path) + ':' + r.line)),
    el('p', { class: 'walk' },
      el('button', { type: 'button', onclick: walkBack, disabled: !model.before(r) }, '[ cause'),
      el('button', { type: 'button', onclick: walkOn, disabled: !view.trail.length && !model.after(r) }, 'effect ]')),
    el('dl', { class: 'fields' }, fields.map(([k, v]) => el('div', {}, el('dt', {}, show(k)), el('dd', {}, short(v, 300))))),
    causes.length ? el('h4', {}, 'caused by') : null,
    causes.length ? el('ul', { class: 'links' }, causes.map(c => linkTo(c.id))) : null,
    effects.length ? el('h4', {}, 'led to') : null,
    effects.length ? el('ul', { class: 'links' }, effects.map(c => linkTo(c.id))) : null,
    lost.all.length ? el('h4', {}, 'never reached ' + show(r.node) + ' in the 10 s before') : null,
    lost.all.length ? el('p', {}, lost.all.length + ' lost ' + (lost.all.length === 1 ? 'message' : 'messages') +
      (lost.higher.length ? ', ' + lost.higher.length + ' of a higher term: any of them would have told it' : ''), ' ',
      el('button', { type: 'button', class: 'quiet', onclick: () => { view.evidence = Object.assign({}, view.evidence, { msgs: new Set((lost.higher.length ? lost.higher : lost.all).map(m => m.id)) }); const m = (lost.higher.length ? lost.higher : lost.all)[0]; showTimes(m.t - 2e7, r.t + (r.t - m.t) * 0.1 + 2e7); changed(); } }, 'show them')) : null,
    path ? el('p', { class: 'raw' }, 'as it was written: ', el('code', { class: 'cmd' }, 'sed -n ' + r.line + 'p ' + shellWord(path))) : null
  ].flat().filter(x => x));
}

function shellWord(s) { return /^[\w./:@%+=-]+$/.test(s) ? s : "'" + show(s).replace(/'/g, "'\\''") + "'"; }

function walkBack() {
  if (!view.rec) return;
  const before = model.before(view.rec);
  if (!before) return say('nothing earlier: this is where the chain begins, or its cause is not in this page');
  view.trail.push(view.rec);
  chooseRecord(before, true);
}

function walkOn() {
  if (!view.rec) return;
  const next = view.trail.length ? view.trail.pop() : model.after(view.rec);
  if (next) chooseRecord(next, true); else say('nothing that followed from it is in this page');
}

/* ---- SQL ---- */

function filledIn(sql) {
  const from = Math.floor(Math.max(toT(view.a), model.run.t0)), to = Math.ceil(Math.min(toT(view.b), model.run.t1 + 1));
  const values = { run: model.run.id, from, to, limit: 2000, violation: view.violation ? view.violation.id : 'NULL' };
  return sql.replace(/:(run|from|to|limit|violation)\b/g, (all, name) => values[name]).trim();
}

const QUERIES = { diagram: ['records', 'messages', 'operations'], overview: ['overview-records', 'overview-messages', 'overview-operations'],
                  state: ['state', 'values'], story: ['violations', 'evidence', 'lifetimes'], checks: ['checks'], links: ['links'],
                  course: ['terms', 'faults'], holds: ['boots', 'gaps'] };

function sqlOf(panel) {
  if (panel === 'record' && view.rec) {
    const quote = s => "'" + s.replace(/'/g, "''") + "'";
    return [['The record, and what it followed from.', 'SELECT * FROM records\nWHERE run_id = ' + model.run.id + ' AND node = ' + quote(view.rec.node) + ' AND boot = ' + view.rec.boot +
             ' AND seq = ' + view.rec.seq + ';'],
            ['', 'SELECT t.* FROM edges e JOIN timeline t ON t.id = e.src\nWHERE e.dst = ' + view.rec.id + ';']];
  }
  return (QUERIES[panel] || QUERIES.diagram).map(name => {
    const [help, sql] = model.summary.sql[name];
    return [help, panel === 'state' ? sql.replace(/:(from|to)\b/g, String(Math.floor(view.t) + 1)).replace(/:run\b/g, model.run.id).trim() : filledIn(sql)];
  });
}

function openSql(panel) {
  const queries = sqlOf(panel);
  parts.dialog.replaceChildren(
    el('form', { method: 'dialog' }, el('h2', {}, 'The SQL behind this panel'), el('button', { class: 'close', 'aria-label': 'Close' }, '\u00d7')),
    ...queries.map(([help, sql]) => el('div', { class: 'query' }, help ? el('p', {}, help) : null, el('pre', { tabindex: 0 }, sql),
      copyButton(sql))),
    el('p', { class: 'note' }, 'Run it with ', el('code', { class: 'cmd' }, 'analyze sql ' + shellWord(model.run.where) + ' -f -')));
  parts.dialog.showModal();
}

function copyButton(words) {
  return el('button', { type: 'button', class: 'quiet', onclick: e => {
    const done = ok => { e.target.textContent = ok ? 'copied' : 'select and copy it'; };
    if (navigator.clipboard) navigator.clipboard.writeText(words).then(() => done(true), () => done(false)); else done(false);
  } }, 'copy');
}

const KEYS = [['\u2190 \u2192', 'previous, next record'], ['Shift \u2190 \u2192', 'move along the time'], ['\u2191 \u2193', 'the same moment on another lane'], ['+ \u2212 0', 'zoom in, out; the whole run'],
              ['[ ]', 'to the cause; to the effect'], ['n p', 'next, previous violation'], ['e', 'even spacing: every moment as wide as any other'],
              ['v', 'time from top to bottom'], ['f', 'what is no evidence: faded or not'], ['/', 'search'], ['q', 'the SQL behind this panel'], ['?', 'this help'], ['Esc', 'close; forget the search']];

function openHelp() {
  parts.dialog.replaceChildren(
    el('form', { method: 'dialog' }, el('h2', {}, 'Keys and marks'), el('button', { class: 'close', 'aria-label': 'Close' }, '\u00d7')),
    el('dl', { class: 'keys' }, KEYS.map(([k, v]) => el('div', {}, el('dt', {}, k.split(' ').map(x => el('kbd', {}, x))), el('dd', {}, v)))),
    el('dl', { class: 'marks' }, [['a bar', 'a leader, in its term\u2019s colour; L and the term are written in it'], ['L F C P O', 'leader, follower, candidate, pre-candidate, learner'],
      ['an arrow', 'a message that arrived; a doubled head is a duplicate'], ['a cross \u2715', 'a message that was lost, and where it got to in time'],
      ['dotted', 'still under way at the end, or never seen again'], ['\u25b2 \u25b3', 'a vote given, refused'], ['\u25c6', 'a read answered'], ['\u25aa', 'the commit index moves'],
      ['hatched', 'records are missing, a fault, or an operation of unknown outcome: the words say which'], ['( ! )', 'the first wrong step']]
      .map(([k, v]) => el('div', {}, el('dt', {}, k), el('dd', {}, v)))),
    el('p', { class: 'note' }, 'Ctrl and the wheel zoom; dragging moves. Links: #V1, #t=4516.4, #0003.1:1462.'));
  parts.dialog.showModal();
}

function say(words) { parts.live.textContent = words; parts.hint.textContent = words; }
