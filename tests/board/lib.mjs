// What the scenarios share: callers, the agent, and a page that complains.
import { createHmac, randomUUID } from 'node:crypto';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

export const given = JSON.parse(process.argv[2]);
const PATIENCE_MS = given.patienceMs;

// --- callers --------------------------------------------------------------------------------------
// Sends a signed webhook; returns the answer.
export async function send(fields, ingress = given.ingress) {
  const body = JSON.stringify({ To: '+14152251493', From: '+14158483432', callDomain: randomUUID(), ...fields });
  const timestamp = String(Date.now());
  const signature = createHmac('sha256', Buffer.from(given.secret, 'base64')).update(`${timestamp}.${body}`).digest('base64');
  return fetch(`${ingress}/api/dial`, { method: 'POST', body,
    headers: { 'Content-Type': 'application/json', 'X-Pinless-Timestamp': timestamp, 'X-Pinless-Signature': signature } });
}

export async function ring(fields = {}, ingress = given.ingress) {
  const callId = randomUUID();
  assert.equal((await send({ callId, ...fields }, ingress)).status, 200);
  return callId;
}

export async function agent(settings) {
  const answer = await fetch(`${given.agent}/control`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(settings) });
  assert.equal(answer.status, 200);
}

// --- pages ----------------------------------------------------------------------------------------
export const browser = await chromium.launch({ executablePath: given.chromium, args: ['--no-sandbox'] });
const ORIGINS = [given.board, given.guarded, given.proxied, given.several].map(url => new URL(url).origin);

// A page of its own; what its console or its network says that should not be there fails the scenario.
// `expected`: what the browser itself notes of a refusal that the scenario is about. `answers`: takes
// the text of a dialog, and returns whether it is accepted; undefined: there should be none.
export async function withPage({ expected, answers, ...options }, use) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage(), complaints = [];
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('console', message => { if (!expected?.test(message.text())) complaints.push(`console: ${message.text()}`); });
  page.on('pageerror', error => complaints.push(`error: ${error.message}`));
  page.on('dialog', async dialog => {
    const answer = await Promise.resolve(answers?.(dialog.message())).catch(error => void complaints.push(String(error)));
    if (answer === undefined) complaints.push(`dialog: ${dialog.message()}`);
    return answer ? dialog.accept() : dialog.dismiss();
  });
  page.on('request', request => {
    const url = new URL(request.url());
    if (url.protocol !== 'blob:' && !ORIGINS.includes(url.origin)) complaints.push(`asks ${url}`);
    if (url.searchParams.size && !url.searchParams.has('after')) complaints.push(`a query in an address: ${url}`);
  });
  try {
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

export const waitForText = (page, selector, pattern) => page.waitForFunction(
  ([css, source]) => [...document.querySelectorAll(css)].some(element => new RegExp(source).test(element.textContent)), [selector, pattern.source]);

export const until = async (what, condition) => {
  const end = Date.now() + PATIENCE_MS;
  while (!await condition()) {
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
};

export const download = async (page, button) =>
  (await Promise.all([page.waitForEvent('download'), page.click(`button:text-is("${button}")`)]))[0].path();
