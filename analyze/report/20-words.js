/* Text: what a record says (the templates are analyze/words.c's), and text of unknown origin made visible. */

const ROLES = { F: 'follower', P: 'pre-candidate', C: 'candidate', L: 'leader', O: 'learner' };

/* Control characters and marks that reorder text are shown, not obeyed. */
function show(v) {
  const s = typeof v === 'string' ? v : JSON.stringify(v);
  return s.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
                   c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

function short(v, most) {
  const s = show(v);
  return s.length > most ? s.slice(0, most - 1) + '\u2026' : s;
}

function placeholder(text, rec, fields) {
  const bar = text.indexOf('|'), dflt = bar >= 0 ? text.slice(bar + 1) : null;
  const [key, form] = (bar >= 0 ? text.slice(0, bar) : text).split(':');
  const state = rec.state || {};
  let v = fields.get(key);
  if (v === undefined) v = { term: state.term, ci: state.commit, ai: state.applied, li: state.last }[key];
  if (v === undefined && key === 'role' && state.role) v = ROLES[state.role];
  if (v === undefined || v === '') return dflt;
  switch (form) {
    case 'role': return ROLES[v] || 'unknown role';
    case 'ms': return (v / 1e6).toFixed(1);
    case 'count': return String(Array.isArray(v) ? v.length : 0);
    case 'ids': return Array.isArray(v) ? (v.length ? v.join(' ') : 'nobody') : String(v);
    case 'no': return v === true ? '' : null;
    default: return short(v, 200);
  }
}

/* Words of a template, null when a field in it is missing. */
function expand(template, rec, fields) {
  let out = '', whole = true, at = 0;
  while (at < template.length) {
    const c = template[at];
    if (c === '{') {
      const end = template.indexOf('}', at), v = placeholder(template.slice(at + 1, end), rec, fields);
      if (v === null) whole = false; else out += v;
      at = end + 1;
    } else if (c === '[') {
      const end = template.indexOf(']', at), part = expand(template.slice(at + 1, end), rec, fields);
      if (part.whole) out += part.out;
      at = end + 1;
    } else {
      out += c;
      at++;
    }
  }
  return { out, whole };
}

function sentence(rec) {
  const fields = rec.fields;
  for (const [ev, ty, ok, words] of model.summary.words) {
    if (ev === rec.ev && (ty === null || fields.get('ty') === ty) && (ok < 0 || fields.get('ok') === (ok === 1)))
      return expand(words, rec, fields).out;
  }
  return [rec.ev, ...[...fields].map(([k, v]) => show(k) + '=' + short(v, 80))].join(' ');
}

function ms(t) { return (t / 1e6).toFixed(1); }

function duration(ns) {
  return ns >= 1e9 ? (ns / 1e9).toFixed(2) + ' s' : ns >= 1e6 ? (ns / 1e6).toFixed(1) + ' ms' : (ns / 1e3).toFixed(0) + ' \u00b5s';
}

/* An element with attributes and children; strings become text nodes and nothing else. */
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) {
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else if (v === true) e.setAttribute(k, '');
    else if (v !== false && v !== null && v !== undefined) e.setAttribute(k, v);
  }
  e.append(...children.flat().filter(c => c !== null && c !== undefined).map(c => c instanceof Node ? c : String(c)));
  return e;
}
