// The screen Now: how it is, in a sentence; then who waits, and what happens.
import { area, badge, bars, cell, clock, countdown, el, link, number, show, span, table } from './dom.js';
import { act, live, redisNow } from './live.js';

const BUCKETS = 100, BUCKET_MS = 3000, EVENTS_SHOWN = 25, STALE_MS = 4000;
const main = document.getElementById('main');

// --- charts -------------------------------------------------------------------------------------
function buckets(now) {
  const first = now - BUCKETS * BUCKET_MS, made = Array.from({ length: BUCKETS }, () => ({ started: 0, lost: 0, waiting: null }));
  let before = null;
  for (const [ms, started, lost, waiting] of live.points) {
    const bucket = made[Math.floor((ms - first) / BUCKET_MS)];
    if (bucket && before) {
      bucket.started += Math.max(0, started - before[1]) * 1000 / BUCKET_MS;
      bucket.lost += Math.max(0, lost - before[2]) * 1000 / BUCKET_MS;
    }
    if (bucket) bucket.waiting = waiting;
    before = [ms, started, lost, waiting];
  }
  let known = 0;
  for (const bucket of made) bucket.waiting = known = bucket.waiting ?? known;
  return made;
}

// --- parts --------------------------------------------------------------------------------------
function verdict(now, stale) {
  if (stale) return ['bad', `The board does not answer since ${span(stale)}; this is how it was then. ${now.sentence}`];
  return [now.level, now.sentence];
}

// Two spans in the room of one.
const both = (ms, other) => other >= 1000 && other < 60000 ? `${countdown(ms).slice(0, -2)} / ${span(other)}` : `${span(ms)} / ${span(other)}`;

const tile = (value, label, kind = '') => el('div', { class: 'tile' }, el('b', { class: kind }, value), el('span', {}, label));

// Until there are samples of whole minutes, what this page has seen.
function seen() {
  const points = live.points, first = points[0], last = points.at(-1);
  return points.length > 1 ? { span_ms: last[0] - first[0], started: last[1] - first[1], lost: last[2] - first[2], waited_p50_ms: null, answered: 0 } : null;
}

function tiles(now) {
  const recent = now.recent || seen(), minutes = recent ? Math.max(1, Math.round(recent.span_ms / 60000)) : 5;
  const offered = recent?.answered ? recent.answered + recent.lost : 0;
  const left = now.agents.filter(agent => agent.hold_left_ms !== null).map(agent => agent.hold_left_ms);
  const first = left.length ? Math.max(0, Math.min(...left) - (redisNow() - now.now_ms)) : null;
  return el('div', { class: 'tiles' },
    tile(now.waiting - now.dialouts, 'on hold'),
    now.dialouts ? tile(now.dialouts, 'call backs and dial-outs wait') : '',
    tile(countdown(first), 'until the first hold ends'),
    tile(recent ? recent.started : '–', `started in ${minutes} min`),
    tile(recent ? recent.lost : '–', `lost in ${minutes} min`, recent?.lost ? 'bad' : ''),
    tile(recent && recent.waited_p50_ms !== null ? both(recent.waited_p50_ms, recent.waited_p95_ms) : '–', live.prefixes.length ? 'waited, p50 / p95, worst prefix' : 'waited, p50 / p95'),
    tile(offered ? `${Math.floor(100 * recent.answered_within_20s / offered)} %` : '–', 'served within 20 s'),
    recent?.never_connected ? tile(el('a', { class: 'bad', href: '#/calls?since=1h&verdict=never_connected' }, recent.never_connected), `never reached their bot in ${minutes} min`) : '',
    recent?.talked ? tile(span(recent.talked_mean_s * 1000), 'mean conversation') : '',
    recent && recent.occupancy_percent !== null && recent.occupancy_percent !== undefined ? tile(`${recent.occupancy_percent} %`, 'of full agents’ sessions busy') : '');
}

// Over several prefixes each row names its own.
const prefixOf = row => live.prefixes.length ? cell(row.prefix, 'id') : null;
const heads = list => live.prefixes.length ? [['Prefix'], ...list] : list;

function prefixes(now) {
  const rows = (now.prefixes || []).map(row => el('tr', { 'data-key': row.prefix }, cell(row.prefix, 'id'),
    number(row.waiting === undefined ? '–' : row.waiting - row.dialouts), number(row.workers ?? '–'),
    cell(el('span', { class: row.level }, row.sentence), 'free')));
  return rows.length ? [el('h2', {}, 'Prefixes'), table('Prefixes', [['Prefix'], ['On hold', 'n'], ['Workers', 'n'], ['How it is']], rows, '')] : null;
}

function pauseButton(agent) {
  const isPaused = agent.state === 'paused', verb = isPaused ? 'Resume' : 'Pause';
  return el('button', { onclick: () => act(`${verb} ${agent.agent}${agent.prefix ? ` of ${agent.prefix}` : ''}? ${isPaused ? 'Its calls ask again.' : 'Its callers wait until it is resumed.'}`, verb.toLowerCase(), agent.prefix ? { agent: agent.agent, prefix: agent.prefix } : { agent: agent.agent }) }, verb);
}

function agents(now) {
  const kind = { free: 'good', full: 'busy' };
  const rows = now.agents.map(agent => el('tr', { 'data-key': `${agent.prefix} ${agent.agent}` },
    prefixOf(agent),
    cell(agent.agent),
    cell([el('span', { class: kind[agent.state] || 'bad' }, agent.state, agent.paused_by ? ` by ${agent.paused_by}` : ''), live.mayReveal ? [' ', pauseButton(agent)] : null]),
    number(agent.waiting > agent.callers ? `${agent.callers} + ${agent.waiting - agent.callers} out` : agent.callers),
    number(agent.callers ? span(agent.oldest_ms) : '–'),
    number(agent.starts),
    number(agent.waiting && agent.next_in_ms ? countdown(agent.next_in_ms) : '–', 'wide'),
    number(!agent.callers ? '–' : agent.lost ?? 'unknown', agent.lost ? 'bad' : '')));
  return table('Agents', heads([['Agent'], ['State'], ['On hold', 'n'], ['Oldest', 'n'], ['Starts in 30 s', 'n'], ['Next admission in', 'n wide'], ['Will be lost', 'n']]),
    rows, 'No agent has been asked yet.');
}

function eta(call, age) {
  if (call.forecast === 'lost') return number('lost', 'bad');
  return number(call.forecast === 'served' ? countdown(Math.max(0, call.served_in_ms - age)) : 'unknown');
}

// Who is called, or called back, holds no line.
const isOut = call => call.kind === 'dialout';
const whom = call => isOut(call) ? `${/~cb$/.test(call.call_id) ? 'call back' : 'dial-out'}${call.to ? ` to ${call.to}` : ''}` : call.from || 'unknown';

function waiting(now) {
  const age = redisNow() - now.now_ms;
  const rows = now.first.map(call => {
    const left = Math.max(0, call.hold_left_ms - age), whole = Math.max(call.hold_ms, 1);
    return el('tr', { 'data-key': `${call.prefix} ${call.call_id}` },
      prefixOf(call),
      number(call.place),
      cell(link(call, whom(call))),
      cell(call.to, 'wide'),
      cell(call.agent, 'wide'),
      number(countdown(call.waited_ms + age)),
      isOut(call) ? cell(`none; ends in ${countdown(left)}`) : cell([el('meter', { min: 0, max: whole, low: whole * .2, high: whole * .4, optimum: whole, value: left, 'aria-label': 'hold left' }), ' ', countdown(left)]),
      isOut(call) && call.forecast === 'lost' ? number('not in time') : eta(call, age),
      cell(call.call_id, 'id wide'));
  });
  return table('The first who wait', heads([['Place', 'n'], ['From'], ['To', 'wide'], ['Agent', 'wide'], ['Waited', 'n'], ['Hold left'], ['Served in about', 'n'], ['Call', 'wide']]),
    rows, 'Nobody waits.');
}

// Stands where events are missing.
function gap(event) {
  const said = event.leftOut === null ? 'This page missed more than 1,000 events; the oldest of them are left out here.'
    : `${event.leftOut} ${event.leftOut === 1 ? 'event is' : 'events are'} left out here: they came faster than 200 a second.`;
  return el('tr', { 'data-key': event.id }, el('td', { colspan: 7, class: 'free busy gap' }, `${said} `, el('a', { href: '#/calls' }, 'Calls'), ' has all of them.'));
}

function events() {
  const rows = live.events.slice(0, EVENTS_SHOWN + 1).map(event => 'leftOut' in event ? gap(event) : el('tr', { 'data-key': `${event.prefix} ${event.id}` },
    prefixOf(event),
    cell(clock(event.at_ms)),
    cell(badge(event.event)),
    number(event.http_status || ''),
    number(event.latency_ms === undefined ? '' : span(event.latency_ms), 'wide'),
    cell(link(event, event.call_id), 'id'),
    cell([event.reason, event.error].filter(Boolean).join(': '), 'wide why')));
  return table('Events', heads([['At'], ['Event'], ['HTTP', 'n'], ['Took', 'n wide'], ['Call'], ['Why', 'wide']]), rows, 'No event yet. Ring once: make call');
}

export function drawNow() {
  const now = live.now, silent = performance.now() - live.takenMs;
  if (!now) return show(main, el('h1', { class: 'unseen' }, 'Now'), el('p', { class: 'verdict' }, 'Reading…'));
  const stale = silent > STALE_MS && live.status !== 'every 5 s' ? silent : 0, [kind, sentence] = verdict(now, stale);
  if (now.redis_problem) return show(main, el('h1', { class: 'unseen' }, 'Now'), el('p', { class: `verdict ${kind}`, role: 'status' }, sentence),
    el('h2', {}, 'Events'), events());
  const made = buckets(redisNow());
  show(main, el('h1', { class: 'unseen' }, 'Now'),
    el('p', { class: `verdict ${kind}`, role: 'status' }, sentence),
    tiles(now),
    el('div', { class: 'charts' },
      bars('calls a second in the last 5 minutes', made, [['started', 'fill-good'], ['lost', 'fill-bad']]),
      area('callers who wait, in the last 5 minutes', made.map(bucket => bucket.waiting))),
    prefixes(now),
    el('h2', {}, 'Agents'), agents(now),
    el('h2', {}, 'Who waits'), waiting(now),
    el('h2', {}, 'Events'), events());
}
