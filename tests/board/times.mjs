// How soon a page shows something: node times.mjs '{"board": URL, "ingress": URL, "secret": …, "chromium": …,
// "openings": n, "calls": n}'. Prints {"first": [ms from opening to the first sentence], "event": [ms from the
// time in an event's id to its row]}, measured inside the page.
import { createHmac, randomUUID } from 'node:crypto';
import { chromium } from 'playwright-core';

const given = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: given.chromium, args: ['--no-sandbox'] });

async function ring() {
  const body = JSON.stringify({ To: '+14152251493', From: '+14158483432', callId: randomUUID(), callDomain: randomUUID() });
  const timestamp = String(Date.now());
  const signature = createHmac('sha256', Buffer.from(given.secret, 'base64')).update(`${timestamp}.${body}`).digest('base64');
  await fetch(`${given.ingress}/api/dial`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'X-Pinless-Timestamp': timestamp, 'X-Pinless-Signature': signature } });
}

// Runs in the page before its own scripts.
function watch() {
  window.times = { first: null, event: [] };
  const seen = new Set();
  new MutationObserver(() => {
    const sentence = document.querySelector('.verdict')?.textContent;
    if (window.times.first === null && sentence && sentence !== 'Reading…') window.times.first = performance.now();
    for (const row of document.querySelectorAll('tr[data-key]')) {
      const id = row.dataset.key, ms = /(?:^| )(\d{13})-\d+$/.exec(id)?.[1];
      if (ms && !seen.has(id)) window.times.event.push(Date.now() - Number(ms));
      seen.add(id);
    }
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

async function open(use) {
  const context = await browser.newContext(), page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(given.board);
  await page.waitForFunction(() => window.times.first !== null);
  const result = await use(page);
  await context.close();
  return result;
}

const first = [];
for (let i = 0; i < given.openings; i++) first.push(await open(page => page.evaluate(() => window.times.first)));
const event = await open(async page => {
  await page.waitForSelector('#live.on');
  await page.evaluate(() => { window.times.event = []; }); // those of the past
  for (let i = 0; i < given.calls; i++) {
    await ring();
    await new Promise(resolve => setTimeout(resolve, 50 + 100 * Math.random()));
  }
  await page.waitForFunction(count => window.times.event.length >= count, 2 * given.calls, { timeout: 30000 }); // an attempt and a start each
  return page.evaluate(() => window.times.event);
});
console.log(JSON.stringify({ first, event }));
await browser.close();
