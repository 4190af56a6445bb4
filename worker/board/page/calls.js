// The screens Calls and one call. Ids and numbers go in the body of a POST: no proxy logs them.
import { badge, cell, date, el, go, kindOf, link, number, span, table } from './dom.js';
import { act, ask, live, redisNow, send } from './live.js';
import { searchBack } from './search.js';

const main = document.getElementById('main');
const SAVING_MS = 60000;
const FIELDS = ['since', 'state', 'reason', 'verdict', 'from', 'to', 'agent', 'prefix'];
const REFUSED_FIELDS = ['since', 'state', 'prefix']; // a refused webhook is no call: it has nothing else to be found by
const SINCE = [['', 'all that is kept'], ['5m', '5 minutes'], ['1h', 'an hour'], ['24h', 'a day'], ['7d', 'a week']];
const STATES = ['waiting', 'started', 'dead', 'queued', 'starting', 'duplicate', 'refused'];
const REASONS = ['expired', 'unknown', 'rejected', 'invalid', 'declined', 'abandoned', 'cancelled', 'served', 'conflict'];
const VERDICTS = [['', 'any'], ['never_connected', 'the caller never reached the bot'], ['connected', 'connected'], ['ended', 'ended'], ['failed', 'failed']];

// --- a list -------------------------------------------------------------------------------------
function select(name, label, options, value) {
  return el('label', {}, label, el('select', { name },
    options.map(([option, text]) => el('option', { value: option, selected: option === value }, text))));
}

function filters(params) {
  const get = name => params.get(name) || '', input = (name, label) => el('label', {}, label, el('input', { name, value: get(name), size: 16, autocomplete: 'off' }));
  const any = names => [['', 'any'], ...names.map(name => [name, name])];
  const submit = event => {
    event.preventDefault();
    const chosen = new URLSearchParams();
    const names = event.currentTarget.elements.state.value === 'refused' ? REFUSED_FIELDS : FIELDS;
    for (const name of names) {
      const value = event.currentTarget.elements[name]?.value.trim();
      if (value) chosen.set(name, value);
    }
    go('#/calls' + (chosen.size ? `?${chosen}` : ''));
  };
  return el('form', { class: 'filters', onsubmit: submit, onchange: event => event.target.form.requestSubmit() },
    select('since', 'Since', SINCE, get('since')), select('state', 'State', any(STATES), get('state')),
    select('reason', 'Reason', any(REASONS), get('reason')), select('verdict', 'Conversation', VERDICTS, get('verdict')),
    input('from', 'From'), input('to', 'To'), input('agent', 'Agent'), live.prefixes.length ? select('prefix', 'Prefix', any(live.prefixes), get('prefix')) : '', el('button', {}, 'Show'));
}

// A bot was started and the caller never reached it.
const isMissed = call => call.verdict === 'never_connected';

const prefixOf = row => live.prefixes.length ? cell(row.prefix, 'id') : null;

function rowOf(call) {
  return el('tr', {}, prefixOf(call), cell(date(call.received_ms)), cell([badge(call.state, call.reason), isMissed(call) ? el('span', { class: 'bad' }, ', never reached') : '']),
    cell(call.from), cell(call.to, 'wide'), number(span(call.waited_ms)), number(call.attempts ?? '', 'wide'),
    cell(link(call, call.call_id), 'id'));
}

function refusedOf(webhook) {
  return el('tr', {}, prefixOf(webhook), cell(date(webhook.received_ms)), cell(el('span', { class: 'bad' }, webhook.code)), cell(webhook.sentence, 'free'),
    cell(webhook.peer, 'wide'), number(`${webhook.body_bytes} B`, 'wide'),
    cell(el('details', {}, el('summary', {}, 'body'), el('pre', { tabindex: 0 }, pretty(webhook.body || ''))), 'free'));
}

const LISTS = {
  calls: { path: 'calls', row: rowOf, empty: 'No call that was asked for is kept.',
    heads: [['Rang'], ['State'], ['From'], ['To', 'wide'], ['Waited', 'n'], ['Attempts', 'n wide'], ['Call']] },
  refused: { path: 'refused', row: refusedOf, empty: 'No genuine webhook was refused.',
    heads: [['Came'], ['Code'], ['Why'], ['Peer', 'wide'], ['Size', 'n wide'], ['As received']] },
};

// Returns how many rows the file has.
async function save(path, asked, name) {
  const answer = await send(path, asked), url = URL.createObjectURL(await answer.blob());
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), SAVING_MS);
  return answer.headers.get('X-Rows');
}

// The whole selection as a file, not only the rows that are shown.
function saver(list, asked) {
  const said = el('span', { class: 'dim', role: 'status' });
  const run = async (path, body) => {
    said.textContent = ' Reading…';
    try {
      said.textContent = ` ${await save(path, body, `${list.path}.csv`)} rows, the newest first, are saved.`;
    } catch (problem) {
      said.textContent = ` ${problem.message}`;
    }
  };
  const { limit, ...selection } = asked;
  const reveal = () => live.prefixes.length && !asked.prefix ? alert('Choose a prefix first: each has a record of its own.') : confirm('Export these calls with their numbers? That is recorded.') && run('export', selection);
  return [el('button', { onclick: () => run(list.path, { ...selection, format: 'csv' }) }, 'Save as CSV'),
    live.mayReveal && list.path === 'calls' ? [' ', el('button', { onclick: reveal }, 'Export with numbers')] : '', said];
}

export async function drawCalls(params, isCurrent) {
  const place = el('div', { 'aria-busy': 'true' }, el('p', { class: 'dim' }, 'Reading…'));
  const isRefused = params.get('state') === 'refused', list = isRefused ? LISTS.refused : LISTS.calls;
  main.replaceChildren(el('h1', {}, 'Calls'), filters(params),
    isRefused ? el('p', { class: 'dim' }, 'Webhooks that were genuine and could not be taken: each of them was a caller.') : '', place);
  const asked = { limit: 100 };
  for (const name of isRefused ? ['since', 'prefix'] : FIELDS) if (params.get(name)) asked[name] = params.get(name);
  const show = (rows, said) => {
    if (!isCurrent()) return;
    if (asked.prefix) for (const row of rows) row.prefix = asked.prefix;
    rows.sort((a, b) => b.received_ms - a.received_ms);
    place.replaceChildren(said ? el('p', { class: 'dim', role: 'status' }, said) : '',
      table('Calls', live.prefixes.length ? [['Prefix'], ...list.heads] : list.heads, rows.map(list.row), said ? 'None so far.' : list.empty),
      el('p', { class: 'dim' }, rows.length >= asked.limit ? `The newest ${asked.limit}${live.prefixes.length ? ' of each prefix' : ''}. ` : '', rows.length && !said ? saver(list, asked) : ''));
  };
  const read = async body => (await ask(list.path, body))[list.path];
  try {
    show(await read(asked).catch(problem => {
      if (problem.code !== 'too_slow' || !isCurrent()) throw problem;
      return searchBack(read, asked, redisNow(), (rows, from) => show(rows, `Searched back to ${date(from)}, searching on…`), isCurrent);
    }));
  } catch (problem) {
    if (isCurrent()) place.replaceChildren(el('p', { class: 'bad', role: 'alert' }, problem.message), ...place.querySelectorAll('table'));
  }
  place.removeAttribute('aria-busy');
}

// --- one call -----------------------------------------------------------------------------------
const pretty = text => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

const seconds = ms => `${(ms / 1000).toFixed(3)} s`;

function outcome(event) {
  if (event.event !== 'attempt') return [event.reason, event.error].filter(Boolean).join(': ');
  return `${event.http_status ? `HTTP ${event.http_status}` : event.error || 'no answer'}${event.late ? ' (late)' : ''}`;
}

// Attempts one after the other with the same outcome become one line.
function fold(events) {
  const folded = [];
  for (const event of events) {
    const last = folded.at(-1);
    if (last && event.event === 'attempt' && last[0].event === 'attempt' && outcome(event) === outcome(last[0])) last.push(event);
    else folded.push([event]);
  }
  return folded;
}

function step(events, receivedMs) {
  const first = events[0], last = events.at(-1), isAttempt = first.event === 'attempt';
  const what = isAttempt ? `${first.attempt}${events.length > 1 ? ` to ${last.attempt}` : ''}: ${outcome(first)} in ${span(last.latency_ms)}` : outcome(first);
  const when = `${seconds(first.at_ms - receivedMs)}${events.length > 1 ? ` to ${seconds(last.at_ms - receivedMs)}` : ''}`;
  const line = [el('span', { class: 'when' }, when), ' ', badge(first.event), ` ${what} `, el('span', { class: 'dim' }, first.worker || '')];
  const parts = [['request', last.request], ['answer', last.response]].filter(([, text]) => text);
  if (!parts.length) return el('p', { class: 'step' }, line);
  return el('details', {}, el('summary', {}, line),
    parts.map(([name, text]) => [el('h3', {}, name), el('pre', { tabindex: 0 }, pretty(text))]));
}

function timeline(call) {
  const end = Math.max(call.received_ms + 1, ...call.events.map(event => event.at_ms)), whole = end - call.received_ms;
  const fills = { good: 'fill-good', bad: 'fill-bad' };
  return el('svg', { class: 'timeline', viewBox: '0 0 1000 40', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${call.events.length} events in ${span(whole)}` },
    el('line', { class: 'axis', x1: 0, x2: 1000, y1: 20, y2: 20 }),
    call.events.map(event => el('rect', { class: fills[kindOf(event.event)] || 'fill-busy', x: (event.at_ms - call.received_ms) / whole * 990, y: 8, width: 6, height: 24 },
      el('title', {}, `${event.event} after ${seconds(event.at_ms - call.received_ms)}`))));
}

function fact(name, value, kind) {
  return value ? [el('dt', {}, name), el('dd', { class: kind }, value)] : [];
}

const callLink = (id, call) => link({ call_id: id, prefix: call.prefix }, id);

function facts(call) {
  const webhook = call.webhook || {};
  return el('dl', {}, fact('prefix', call.prefix), fact('from', call.from), fact('to', call.to), fact('rang', new Date(call.received_ms).toISOString()),
    fact('waited', span(call.waited_ms)), fact('conversation', isMissed(call) ? 'a bot was started and the caller never reached it' : call.verdict, isMissed(call) ? 'bad' : ''),
    fact('talked', call.talked_s && span(call.talked_s * 1000)), fact('agent', call.agent), fact('route', call.route), fact('attempts', call.attempts),
    fact('last answer', call.http_status && `HTTP ${call.http_status}`), fact('session', call.session_id), fact('room', call.room_url),
    fact('error', call.error), fact('flaw', call.flaw), fact('replay of', call.replay_of),
    fact('call back', call.callback && callLink(call.callback, call)), fact('calls back', call.callback_of && callLink(call.callback_of, call)),
    fact('signature', webhook.signature_is, /^good/.test(webhook.signature_is) ? 'good' : /^(not by|by a)/.test(webhook.signature_is) ? 'bad' : ''),
    fact('body', webhook.digest, /NOT/.test(webhook.digest) ? 'bad' : ''));
}

async function copyLink(event) {
  const button = event.currentTarget;
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Copy it from the address bar';
  }
}

// The buttons of an operator.
function deeds(call, again) {
  const id = call.call_id.includes('…') ? call.entry : call.call_id, where = call.prefix ? { prefix: call.prefix } : {};
  const cancel = async () => await act('Cancel this call? No bot is started for it.', 'cancel', { id, ...where }) && again();
  const replay = async () => {
    try {
      const plan = await ask('plan', { id, ...where });
      if (await act(plan.sentence, 'replay', { plan: plan.plan })) location.hash = link({ call_id: `${id}~r1`, ...where }, '').getAttribute('href');
    } catch (problem) {
      alert(problem.message);
    }
  };
  if (!live.mayReveal) return null;
  if (call.state === 'dead') return [' ', el('button', { onclick: replay }, 'Replay')];
  return ['queued', 'waiting'].includes(call.state) ? [' ', el('button', { onclick: cancel }, 'Cancel')] : null;
}

// `which`: its id, and its prefix if that is known.
export async function drawCall(which, isCurrent, isRevealed) {
  const { id, prefix } = which, asked = prefix ? { id, prefix } : { id };
  main.replaceChildren(el('h1', {}, id), el('p', { class: 'dim' }, 'Reading…'));
  let call;
  try {
    call = await ask(isRevealed ? 'reveal' : 'call', asked);
    call.prefix ??= prefix;
  } catch (problem) {
    if (isCurrent()) main.replaceChildren(el('h1', {}, 'Call'), el('p', { class: 'bad', role: 'alert' }, problem.message));
    return;
  }
  if (!isCurrent()) return;
  main.replaceChildren(el('h1', {}, badge(call.state, call.reason), ' ', el('span', { class: 'dim id' }, call.call_id)),
    el('div', { class: 'card' }, facts(call)),
    el('p', {}, el('button', { onclick: copyLink }, 'Copy link'), ' ', el('button', { onclick: () => drawCall(which, isCurrent) }, isRevealed ? 'Hide numbers' : 'Read again'),
      isRevealed ? el('span', { class: 'dim' }, ' Revealed; that is recorded.') : live.mayReveal ? [' ', el('button', { onclick: () => drawCall({ id, prefix: call.prefix }, isCurrent, true) }, 'Reveal numbers')] : null, deeds(call, () => drawCall(which, isCurrent))),
    el('h2', {}, 'Timeline'), el('div', { class: 'card' }, timeline(call)),
    el('div', { class: 'card steps' }, call.events.length ? fold(call.events).map(events => step(events, call.received_ms)) : el('p', { class: 'empty' }, 'No event is kept.')),
    el('h2', {}, isRevealed ? 'Webhook as received' : 'Webhook as received, numbers hidden'), el('pre', { tabindex: 0 }, pretty(call.webhook?.body || '')));
}
