/* Search: words that must all fit. ev:role.* node:0003 term:3 role:L ty:vote_req key:k3 t:4500..4600, or any text. */

function matcher(word) {
  const colon = word.indexOf(':'), name = colon > 0 ? word.slice(0, colon) : '', value = word.slice(colon + 1).toLowerCase();
  const glob = value.includes('*') ? new RegExp('^' + value.split('*').map(s => s.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*') + '$') : null;
  const is = s => glob ? glob.test(String(s).toLowerCase()) : String(s).toLowerCase() === value;
  switch (name) {
    case 'ev': return r => glob ? is(r.ev) : r.ev.toLowerCase().startsWith(value);
    case 'node': return r => is(r.node);
    case 'term': return r => (r.state !== null && is(r.state.term)) || is(r.field('mterm'));
    case 'role': return r => r.state !== null && is(r.state.role);
    case 't': { const [a, b] = value.split('..').map(x => parseFloat(x) * 1e6); return r => r.t >= a && r.t <= (b === undefined ? a + 1e6 : b); }
    default:
      if (name && /^[a-z_]+$/i.test(name)) return r => { const v = r.field(name); return v !== undefined && is(typeof v === 'object' ? JSON.stringify(v) : v); };
  }
  const text = word.toLowerCase();
  return r => r.ref.toLowerCase() === text || r.ev.toLowerCase().includes(text) ||
              [...r.fields.values()].some(v => (typeof v === 'object' ? JSON.stringify(v) : String(v)).toLowerCase().includes(text));
}

const HITS_MAX = 5000, HITS_SHOWN = 100;

function search(words) {
  const tests = words.trim().split(/\s+/).filter(w => w).map(matcher), hits = [];
  if (!tests.length) { view.hits = null; parts.hits.replaceChildren(); parts.hits.hidden = true; redraw(); return; }
  outer: for (const s of model.segs)
    for (let i = 0; i < s.n; i++) {
      const r = new Rec(s, i);
      if (tests.every(t => t(r)) && hits.push(r) >= HITS_MAX) break outer;
    }
  view.hits = new Set(hits.map(r => r.id));
  parts.hits.hidden = false;
  parts.hits.replaceChildren(
    el('p', { class: 'note' }, hits.length === 0 ? 'nothing in this page fits' : (hits.length >= HITS_MAX ? 'the first ' : '') + hits.length.toLocaleString('en') + (hits.length === 1 ? ' record' : ' records') +
      (hits.length > HITS_SHOWN ? ', the first ' + HITS_SHOWN + ' of them:' : '')),
    el('ol', {}, hits.slice(0, HITS_SHOWN).map(r => el('li', {}, el('button', { type: 'button', onclick: () => { chooseRecord(r); parts.diagram.focus({ preventScroll: true }); } },
      el('time', {}, ms(r.t)), el('b', {}, show(r.node)), el('span', {}, short(sentence(r), 90)))))));
  redraw();
}
