// The screen System: is the machine well? From the snapshot that the screen Now has too.
import { cell, date, el, number, show, span, table } from './dom.js';
import { ask, live, redisNow } from './live.js';

const main = document.getElementById('main');
const AGAIN_MS = 10000;

const size = bytes => bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
const spooled = status => status.spool_bytes + (status.spool_events_bytes ?? 0);
const isTime = name => /_ms$/.test(name);

// A setting or a figure of a program, as it wrote it.
function facts(status) {
  return el('dl', {}, Object.entries(status).map(([name, value]) => [el('dt', {}, name),
    el('dd', {}, value !== null && typeof value === 'object' ? facts(value) : isTime(name) && value > 1e12 ? new Date(value).toISOString() : String(value))]));
}

function programs(now) {
  const rows = now.programs.map(({ id, status, prefix }) => {
    const [program] = id.split(':'), name = id.slice(program.length + 1);
    return el('tr', { 'data-key': `${prefix} ${id}` }, live.prefixes.length ? cell(prefix, 'id') : null, cell(program), cell(status.host ?? name), cell(status.version ?? '', 'wide'),
      cell(status.ready ? el('span', { class: 'good' }, 'ready') : el('span', { class: 'bad' }, status.not_ready_reason || 'not ready'), 'free'),
      number(status.started_ms ? span(redisNow() - status.started_ms) : '', 'wide'),
      number(status.in_work === undefined ? '' : `${status.in_work} of ${status.in_work_max}`),
      number(status.spool_bytes === undefined ? '' : size(spooled(status)), 'wide'),
      cell(el('details', {}, el('summary', {}, 'all it says'), facts(status)), 'free'));
  });
  return table('Programs', [...live.prefixes.length ? [['Prefix']] : [], ['Program'], ['Host'], ['Version', 'wide'], ['State'], ['Up for', 'n wide'], ['In work', 'n'], ['Spool', 'n wide'], ['Settings']], rows,
    'No program has written its status.');
}

function account(now) {
  const { adds_up: addsUp, ...counts } = now.account;
  const verdict = addsUp === null ? ['dim', 'Redis does not know how many entries are unread'] : addsUp ? ['good', 'adds up'] : ['bad', 'DOES NOT ADD UP'];
  return el('div', { class: 'card' }, el('dl', {},
    Object.entries(counts).map(([name, value]) => [el('dt', {}, name), el('dd', {}, value ?? 'unknown')]),
    el('dt', {}, 'queued = started + dead + duplicate + pending + unread'), el('dd', { class: verdict[0] }, verdict[1])));
}

function reasons(now) {
  const rows = Object.entries(now.reasons).map(([reason, count]) => el('tr', { 'data-key': reason },
    cell(el('a', { href: `#/calls?state=dead&reason=${encodeURIComponent(reason)}` }, reason)), number(count)));
  return table('Dead calls by reason', [['Reason'], ['Calls', 'n']], rows, 'No call was given up.');
}

// --- Redis ------------------------------------------------------------------------------------------
function redisFacts(redis) {
  const full = redis.maxmemory > 0 ? redis.used_memory / redis.maxmemory : null;
  const rows = [
    ['version', redis.redis_version], ['role', redis.role], ['replicas', redis.connected_slaves],
    ['up for', span(redis.uptime_in_seconds * 1000)],
    ['memory', full === null ? `${size(redis.used_memory)}, no limit is set` : `${size(redis.used_memory)} of ${size(redis.maxmemory)}, ${Math.round(100 * full)} %`, full > .7 ? 'bad' : ''],
    ['when full', redis.maxmemory_policy, redis.maxmemory_policy === 'noeviction' ? '' : 'bad'],
    ['append-only file', redis.aof_enabled ? `on, last write ${redis.aof_last_write_status}` : 'OFF: a restart loses calls', redis.aof_enabled && redis.aof_last_write_status === 'ok' ? 'good' : 'bad'],
    ['clients', redis.connected_clients],
  ];
  return el('dl', {}, rows.filter(row => row[1] !== undefined).map(([name, value, kind]) => [el('dt', {}, name), el('dd', { class: kind }, value)]));
}

function did(entries) {
  const key = (entry, id) => `${entry.prefix} ${id}`, at = entry => Number(entry.id.split('-')[0]);
  const outcomes = new Map(entries.filter(entry => entry.intent).map(entry => [key(entry, entry.intent), entry.outcome]));
  const actions = entries.filter(entry => entry.action).sort((a, b) => at(b) - at(a));
  const rows = actions.map(entry => el('tr', { 'data-key': key(entry, entry.id) }, live.prefixes.length ? cell(entry.prefix, 'id') : null,
    cell(date(at(entry))), cell(entry.operator), cell(entry.peer, 'wide'), cell(entry.action), cell(entry.call_id || entry.agent || entry.query, 'id'),
    cell(outcomes.get(key(entry, entry.id)) || 'unknown')));
  return table('What operators did', [...live.prefixes.length ? [['Prefix']] : [], ['At'], ['Who'], ['From', 'wide'], ['Action'], ['What'], ['Outcome']], rows, 'Nothing.');
}

export function drawSystem(isCurrent) {
  let redis = el('p', { class: 'dim' }, 'Reading…');
  const read = () => ask('redis').then(value => { redis = redisFacts(value); }, problem => { redis = el('p', { class: 'bad' }, problem.message); });
  let operators = [];
  const readOperators = () => ask('operators').then(answer => { operators = answer.operators; }, () => {});
  const readAgain = () => {
    if (!isCurrent()) return;
    setTimeout(readAgain, AGAIN_MS);
    if (!document.hidden) Promise.all([read(), readOperators()]).then(() => isCurrent() && live.draw());
  };
  readAgain();
  return () => {
    const now = live.now;
    if (!isCurrent()) return;
    if (!now || now.redis_problem) {
      show(main, el('h1', {}, 'System'), el('p', { class: `verdict ${now ? 'bad' : ''}`, role: 'status' }, now ? now.sentence : 'Reading…'));
      return;
    }
    show(main, el('h1', {}, 'System'),
      el('p', { class: `verdict ${now.workers ? 'good' : 'bad'}` }, now.workers ? `${now.workers} ${now.workers === 1 ? 'worker has' : 'workers have'} a lease.` : 'No worker has a lease: calls wait in the stream.'),
      el('h2', {}, 'Programs'), programs(now),
      el('h2', {}, 'Account, in entries since the stream was made'), account(now),
      el('h2', {}, 'Dead calls by reason'), reasons(now),
      el('h2', {}, `Redis${live.prefixes.length ? ` of ${live.prefixes[0]}` : ''}`), el('div', { class: 'card' }, redis.cloneNode(true)),
      el('h2', {}, 'What operators did'), did(operators),
      el('h2', {}, 'Clocks'), el('div', { class: 'card' }, el('dl', {}, el('dt', {}, 'this browser is ahead of Redis by'),
        el('dd', {}, `${Math.round((Date.now() - redisNow()) / 100) / 10} s`))));
  };
}
