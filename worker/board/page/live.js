// What the server sends by itself: the snapshot each second, and each event. While the page is hidden
// nothing is sent; when it is shown again it goes on from the last event that it has.
const EVENTS_KEPT = 200, POINTS_KEPT = 300, POLL_MS = 5000, RETRY_MS = 20000;

export const live = { now: null, takenMs: 0, points: [], events: [], status: 'connecting', mayReveal: false, draw: () => {}, onOut: () => {} };
let source = null, lastId = '', polling = 0, gaps = 0, drawing = 0;

const compare = (a, b) => {
  const [ams, aseq] = a.split('-').map(Number), [bms, bseq] = b.split('-').map(Number);
  return ams - bms || aseq - bseq;
};

// Redis' time, by which all times of the record are.
export const redisNow = () => live.now ? live.now.now_ms + (performance.now() - live.takenMs) : Date.now();

// The answer as it comes, for what is no JSON.
export async function send(path, body) {
  const options = body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch('api/' + path, options);
  if (answer.status === 401 && path !== 'login') live.onOut();
  if (answer.ok) return answer;
  const value = await answer.json().catch(() => ({}));
  throw new Error(value.error || `the board answers HTTP ${answer.status}`);
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
  live.takenMs = performance.now();
  if (!now.redis_problem) {
    live.points.push([now.now_ms, now.started, now.lost_ever, now.waiting]);
    if (live.points.length > POINTS_KEPT) live.points.shift();
  }
  live.draw();
}

function takeEvent(event) {
  if (lastId && compare(event.id, lastId) <= 0) return; // had already
  lastId = event.id;
  keep(event);
}

// `left_out`: how many events; null: that is not known.
const takeGap = ({ left_out: leftOut }) => keep({ id: `gap ${++gaps}`, leftOut });

function keep(event) {
  live.events.unshift(event);
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
  source = new EventSource('api/stream' + (lastId ? `?after=${lastId}` : ''));
  source.onopen = () => setStatus('live');
  source.onerror = async () => {
    setStatus('connecting again');
    live.draw();
    if (source?.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
    const me = await fetch('api/me').then(answer => answer.json()).catch(() => null);
    if (me && !me.is_logged_in) live.onOut();
    else poll();
  };
  source.addEventListener('history', message => { live.points = JSON.parse(message.data); });
  source.addEventListener('now', message => takeNow(JSON.parse(message.data)));
  source.addEventListener('event', message => takeEvent(JSON.parse(message.data)));
  source.addEventListener('gap', message => takeGap(JSON.parse(message.data)));
}

export function close() {
  source?.close();
  source = null;
  clearInterval(polling);
  polling = 0;
}

// The stream has no room for this page, or the board is away.
function poll() {
  close();
  const until = Date.now() + RETRY_MS;
  const once = () => {
    if (Date.now() > until) return listen();
    ask('now').then(now => { setStatus('every 5 s'); takeNow(now); }, () => setStatus('connecting again'));
  };
  once();
  polling = setInterval(once, POLL_MS);
}

export function follow() {
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      close();
      setStatus('paused');
    } else listen();
  });
  listen();
}
