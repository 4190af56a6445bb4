// What the server sends by itself: the snapshot each second, and each event. While the page is hidden
// nothing is sent; when it is shown again it goes on from the last event that it has.
const EVENTS_KEPT = 200, POINTS_KEPT = 300, POLL_MS = 5000, RETRY_MS = 20000, ASK_MS = 30000, DEAF_MS = 20000;

export const live = { now: null, takenMs: 0, points: [], events: [], prefixes: [], status: 'connecting', mayReveal: false, draw: () => {}, onOut: () => {} };
let source = null, polling = 0, heardMs = 0, isPolling = false, isFollowing = false, gaps = 0, drawing = 0;

const lastIds = new Map(); // by prefix; '' if there is one only

const compare = (a, b) => {
  const [ams, aseq] = a.split('-').map(Number), [bms, bseq] = b.split('-').map(Number);
  return ams - bms || aseq - bseq;
};

// Redis' time, by which all times of the record are.
export const redisNow = () => live.now ? live.now.now_ms + (performance.now() - live.takenMs) : Date.now();

// The answer as it comes, for what is no JSON.
export async function send(path, body) {
  const options = body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch('api/' + path, { ...options, signal: AbortSignal.timeout(ASK_MS) });
  if (answer.status === 401 && path !== 'login') live.onOut();
  if (answer.ok) return answer;
  const value = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(value.error || `the board answers HTTP ${answer.status}`), { code: value.code });
}

export const ask = async (path, body) => (await send(path, body)).json();

// An action of an operator, who is asked first. Returns whether it was done; the page says why not.
export async function act(question, path, body) {
  if (!confirm(question)) return false;
  try {
    await ask(path, body);
    return true;
  } catch (problem) {
    alert(problem.message);
    return false;
  }
}

function setStatus(status) {
  live.status = status;
  const place = document.getElementById('live');
  if (place.textContent !== status) place.textContent = status;
  place.className = status === 'live' ? 'on' : '';
}

function takeNow(now) {
  live.now = now;
  live.takenMs = heardMs = performance.now();
  if (!now.redis_problem) {
    live.points.push([now.now_ms, now.started, now.lost_ever, now.waiting]);
    if (live.points.length > POINTS_KEPT) live.points.shift();
  }
  live.draw();
}

function takeEvent(event) {
  const prefix = event.prefix || '', lastId = lastIds.get(prefix);
  if (lastId && compare(event.id, lastId) <= 0) return; // had already
  lastIds.set(prefix, event.id);
  keep(event);
}

// `left_out`: how many events; null: that is not known.
const takeGap = ({ left_out: leftOut }) => keep({ id: `gap ${++gaps}`, leftOut });

// By time: those of several prefixes do not come in their order.
function keep(event) {
  const later = event.prefix ? live.events.findIndex(other => !(other.at_ms > event.at_ms)) : 0;
  live.events.splice(later < 0 ? live.events.length : later, 0, event);
  live.events.length = Math.min(live.events.length, EVENTS_KEPT);
  drawSoon();
}

// Many events may come at once: they are drawn together.
function drawSoon() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    live.draw();
  });
}

export function listen() {
  close();
  heardMs = performance.now();
  const lastId = lastIds.get(''), mine = new EventSource('api/stream' + (lastId ? `?after=${lastId}` : ''));
  source = mine;
  source.onopen = () => setStatus('live');
  source.onerror = async () => {
    setStatus('connecting again');
    live.draw();
    if (mine.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
    const me = await ask('me').catch(() => null);
    if (source !== mine) return; // hidden meanwhile, or begun anew
    if (me && !me.is_logged_in) live.onOut();
    else poll();
  };
  source.addEventListener('history', message => { live.points = JSON.parse(message.data); });
  source.addEventListener('now', message => takeNow(JSON.parse(message.data)));
  source.addEventListener('event', message => takeEvent(JSON.parse(message.data)));
  source.addEventListener('gap', message => takeGap(JSON.parse(message.data)));
}

function close() {
  source?.close();
  source = null;
  clearInterval(polling);
  polling = 0;
}

// The stream has no room for this page, or the board is away.
function poll() {
  close();
  const until = performance.now() + RETRY_MS;
  const once = () => {
    if (performance.now() > until) return listen();
    if (isPolling) return; // the last question is still out
    isPolling = true;
    ask('now').then(now => { setStatus('every 5 s'); takeNow(now); }, () => setStatus('connecting again')).finally(() => { isPolling = false; });
  };
  once();
  polling = setInterval(once, POLL_MS);
}

function onVisibility() {
  if (!isFollowing) return;
  if (document.hidden) {
    close();
    setStatus('paused');
  } else listen();
}

// A connection may be dead without the browser's knowing it, as after a night's sleep.
function onWatch() {
  if (source?.readyState === EventSource.OPEN && performance.now() - heardMs > DEAF_MS) listen();
}

document.addEventListener('visibilitychange', onVisibility);
setInterval(onWatch, POLL_MS);

export function follow() {
  isFollowing = true;
  onVisibility();
}

export function stop() {
  isFollowing = false;
  close();
}
