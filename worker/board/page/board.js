// Finds the screen of the address, and the keys. Addresses stand after #, so that the board works
// under any path.
import { el, go, show } from './dom.js';
import { ask, follow, live, stop } from './live.js';
import { drawCall, drawCalls } from './calls.js';
import { drawNow } from './now.js';
import { drawSystem } from './system.js';

const main = document.getElementById('main'), search = document.getElementById('q');
let visit = 0; // counts the screens, so that a late answer is not drawn over the next one

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
}

function route() {
  const [path, query] = (location.hash.slice(1) || '/').split('?'), number = ++visit, isCurrent = () => number === visit;
  const screen = path.startsWith('/call') ? 'calls' : path === '/system' ? 'system' : 'now';
  for (const anchor of document.querySelectorAll('nav a')) {
    if (anchor.dataset.screen === screen) anchor.setAttribute('aria-current', 'page');
    else anchor.removeAttribute('aria-current');
  }
  document.title = `dialin: ${screen}`;
  live.draw = () => {};
  main.replaceChildren();
  if (path.startsWith('/call/')) drawCall({ id: decoded(path.slice(6)), ...Object.fromEntries(new URLSearchParams(query)) }, isCurrent);
  else if (path === '/calls') drawCalls(new URLSearchParams(query), isCurrent);
  else if (path === '/system') live.draw = drawSystem(isCurrent);
  else live.draw = drawNow;
  live.draw();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function find(event) {
  event.preventDefault();
  const text = search.value.trim();
  if (!text) return;
  const isNumber = /^[+\d][\d ().*/-]{3,}$/.test(text) || /^sips?:/i.test(text);
  go(isNumber ? `#/calls?from=${encodeURIComponent(text)}` : `#/call/${encodeURIComponent(text)}`);
}

const KEYS = { n: '#/', c: '#/calls', s: '#/system' };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') event.target.blur();
  if (event.target.matches('input, select, textarea')) return;
  if (event.key === '/') {
    event.preventDefault();
    search.focus();
  } else if (KEYS[event.key]) location.hash = KEYS[event.key];
}

// --- who one is ---------------------------------------------------------------------------------
function drawLogin(me) {
  stop();
  if (main.querySelector('input[type=password]')) return; // somebody is typing
  live.draw = () => {};
  const problem = el('p', { class: 'bad', role: 'alert' }, me.login_problem || '');
  const login = async event => {
    event.preventDefault();
    try {
      await ask('login', { token: event.currentTarget.elements.token.value });
      begin();
    } catch (refusal) {
      problem.textContent = refusal.message;
    }
  };
  main.replaceChildren(el('h1', {}, 'Log in'), el('form', { class: 'filters', onsubmit: login },
    el('input', { name: 'username', autocomplete: 'username', value: 'board', hidden: true }), // for password managers
    el('label', {}, 'BOARD_TOKEN', el('input', { name: 'token', type: 'password', autocomplete: 'current-password', size: 40 })),
    el('button', {}, 'Log in')), problem);
  main.querySelector('input[type=password]').focus();
}

let isListening = false;
async function begin() {
  const me = await ask('me');
  const title = document.getElementById('title');
  title.hidden = !me.title;
  title.textContent = me.title || '';
  title.className = /prod/i.test(me.title || '') ? 'danger' : '';
  if (!me.is_logged_in) return drawLogin(me);
  live.mayReveal = me.may_reveal;
  live.prefixes = me.prefixes || [];
  if (!isListening) {
    isListening = true;
    addEventListener('hashchange', route);
    document.getElementById('search').addEventListener('submit', find);
    addEventListener('keydown', onKey);
    setInterval(() => document.hidden || live.draw(), 1000); // holds go on while nothing comes
  }
  follow();
  route();
}

live.onOut = () => ask('me').then(me => { if (!me.is_logged_in) drawLogin(me); }, () => {});
begin().catch(problem => show(main, el('p', { class: 'verdict bad', role: 'alert' }, problem.message)));
