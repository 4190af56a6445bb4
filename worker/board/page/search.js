// Searches the record back in time, one span after the other, if a question about all of it takes the board too
// long. Knows no page: `ask` asks for a span, `onFound` is told the rows so far and how far back they reach.
const UNITS = { s: 1000, m: 60e3, h: 3600e3, d: 86400e3 };
const SPAN_MS = 6 * UNITS.h, SPAN_MIN_MS = UNITS.m, QUICK_MS = 2000;
const KEPT_MAX_MS = 3660 * UNITS.d; // no record is kept longer

// When what is asked for begins, in ms: `since` is as the board's form has it, or empty.
function beginOf(since, nowMs) {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(since || '') || [];
  return Math.max(count ? nowMs - count * UNITS[unit] : Date.parse(since) || 0, nowMs - KEPT_MAX_MS);
}

// Spans grow while answers come quickly, and shrink after one that was too slow. Ends with as many rows as were asked
// for, at the beginning of what was asked for, or when `goesOn` says no. Returns the rows.
export async function searchBack(ask, asked, nowMs, onFound, goesOn) {
  const begin = beginOf(asked.since, nowMs), rows = [];
  let to = Math.ceil(nowMs), span = SPAN_MS;
  while (to >= begin && rows.length < asked.limit && goesOn()) {
    const from = Math.floor(Math.max(to - span, begin)), askedMs = performance.now();
    try {
      rows.push(...await ask({ ...asked, since: String(from), until: String(to), limit: asked.limit - rows.length }));
      to = from - 1;
      span *= performance.now() - askedMs < QUICK_MS ? 2 : 1;
      onFound(rows, from);
    } catch (problem) {
      if (problem.code !== 'too_slow' || span <= SPAN_MIN_MS) throw problem;
      span = Math.max(span / 8, SPAN_MIN_MS);
    }
  }
  return rows;
}
