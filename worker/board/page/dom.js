// Makes elements, and nothing else does: text goes in as text, so that nothing that a caller has sent
// becomes markup.
const SVG = new Set(['svg', 'g', 'rect', 'path', 'line', 'title']);

export function el(tag, attributes = {}, ...children) {
  const node = SVG.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node[name] = value;
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false)
    .map(child => child instanceof Node ? child : String(child)));
  return node;
}

// Makes the children of `parent` like `fresh` and keeps the nodes that stay: focus, selection and
// scrolling survive. Nodes with data-key are found again by it.
export function show(parent, ...fresh) {
  const wanted = el('div', {}, ...fresh).childNodes;
  const keyed = new Map([...parent.childNodes].filter(node => node.dataset?.key).map(node => [node.dataset.key, node]));
  let old = parent.firstChild;
  for (const next of [...wanted]) {
    const known = next.dataset?.key ? keyed.get(next.dataset.key) : old && !old.dataset?.key && old.nodeName === next.nodeName ? old : null;
    if (!known) {
      parent.insertBefore(next, old);
      continue;
    }
    if (known === old) old = old.nextSibling;
    else parent.insertBefore(known, old);
    if (known.nodeType === Node.TEXT_NODE) {
      if (known.data !== next.data) known.data = next.data;
    } else become(known, next);
  }
  while (old) {
    const gone = old;
    old = old.nextSibling;
    gone.remove();
  }
}

const HANDLERS = ['onclick', 'onsubmit', 'onchange'];

function become(node, next) {
  if (node.nodeName !== next.nodeName) return node.replaceWith(next);
  for (const { name } of [...node.attributes]) if (!next.hasAttribute(name) && name !== 'open') node.removeAttribute(name);
  for (const { name, value } of next.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  for (const name of HANDLERS) node[name] = next[name];
  show(node, ...next.childNodes);
}

// `heads`: [text, class] each; `rows`: tr elements.
export function table(label, heads, rows, empty) {
  if (rows.length === 0) return el('div', { class: 'scroll' }, el('p', { class: 'empty' }, empty));
  const head = el('tr', {}, heads.map(([text, kind]) => el('th', { class: kind, scope: 'col' }, text)));
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    el('table', {}, el('thead', {}, head), el('tbody', {}, rows)));
}

export const cell = (value, kind = '') => el('td', { class: kind }, value);
export const number = (value, kind = '') => cell(value, `n ${kind}`);

const two = value => String(value).padStart(2, '0');

// A span of time: 120 ms, 3.4 s, 1:05, 2 h 10 min.
export function span(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.floor(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  return s < 172800 ? `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min` : `${Math.floor(s / 86400)} days`;
}

// The same of a time that is still to pass, or passes: never so small a part of it.
export const countdown = ms => ms !== null && ms !== undefined && ms < 1000 ? `${(Math.max(ms, 0) / 1000).toFixed(1)} s` : span(ms);

export const clock = ms => new Date(ms).toLocaleTimeString([], { hour12: false });
export const date = ms => new Date(ms).toLocaleString([], { dateStyle: 'short', timeStyle: 'medium', hour12: false });

const MARKS = {
  started: ['✓', 'good'], connected: ['✓', 'good'], dead: ['✕', 'bad'], failed: ['✕', 'bad'], waiting: ['…', 'busy'],
  starting: ['→', 'busy'], queued: ['·', 'busy'], duplicate: ['=', 'dim'], attempt: ['→', 'dim'], replay: ['↻', 'dim'],
};
const markOf = state => MARKS[state] || ['?', 'dim'];
export const kindOf = state => markOf(state)[1];
// The mark says it too, for those who do not see the colour.
export const badge = (state, reason) => el('span', { class: `badge ${kindOf(state)}`, 'data-mark': markOf(state)[0] },
  reason ? `${state}, ${reason}` : state);

// An id that looks like a number is hidden, and is found by its entry.
export function link(call, text) {
  const id = call.call_id.includes('…') ? call.entry : call.call_id;
  return id ? el('a', { href: `#/call/${encodeURIComponent(id)}${call.prefix ? `?prefix=${encodeURIComponent(call.prefix)}` : ''}` }, text) : text;
}

// Goes to an address, and reads it again if it is this one.
export function go(hash) {
  if (location.hash === hash) dispatchEvent(new HashChangeEvent('hashchange'));
  else location.hash = hash;
}

// --- charts: bars that stand on each other, or an area ------------------------------------------
const WIDTH = 300, HEIGHT = 100;

export function bars(label, points, series) {
  const top = Math.max(1, ...points.map(point => series.reduce((sum, [name]) => sum + point[name], 0)));
  const width = WIDTH / Math.max(points.length, 1), shapes = [];
  points.forEach((point, i) => {
    let base = 0;
    for (const [name, kind] of series) {
      const height = point[name] / top * (HEIGHT - 8);
      if (height > 0) shapes.push(el('rect', { class: kind, x: i * width, y: HEIGHT - base - height, width: Math.max(width - .6, .6), height }));
      base += height;
    }
  });
  const last = points.at(-1) || {};
  return figure(label, top, shapes, series.map(([name]) => `${name} ${round(last[name] || 0)}`).join(', '),
    series.map(([name, kind]) => [' ', el('i', { class: kind }), `\u00a0${name}`]));
}

export function area(label, values) {
  const top = Math.max(1, ...values), step = WIDTH / Math.max(values.length - 1, 1);
  const line = values.map((value, i) => `${i ? 'L' : 'M'}${(i * step).toFixed(1)} ${(HEIGHT - value / top * (HEIGHT - 8)).toFixed(1)}`).join('');
  const shapes = values.length ? [el('path', { class: 'area', d: `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }), el('path', { class: 'stroke', d: line })] : [];
  return figure(label, top, shapes, round(values.at(-1) || 0));
}

const round = value => Number.isInteger(value) ? value : value.toFixed(1);

function figure(label, top, shapes, now, names = []) {
  return el('figure', {}, el('figcaption', {}, `${label}; top ${round(top)}`, names),
    el('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${label}, now ${now}` },
      el('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }), shapes));
}
