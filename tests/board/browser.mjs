// The board in a real browser. Each scenario of SCENARIOS prints one line of JSON: its name, and the
// error if there is one. test_browser.py starts what it looks at, and tells where it is:
//
//   node browser.mjs '{"board": URL, "proxied": URL, "token": …, "ingress": URL, "secret": …, …}'
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const given = JSON.parse(process.argv[2]);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCREENS = ['#/', '#/calls', '#/calls?state=dead', `#/call/${given.deadCall}`, '#/system'];
const HOSTILE = '<img src=x onerror=alert(1)>';
const PATIENCE_MS = given.patienceMs;

// --- callers --------------------------------------------------------------------------------------
async function ring(fields = {}) {
  const callId = randomUUID();
  const body = JSON.stringify({ To: '+14152251493', From: '+14158483432', callId, callDomain: randomUUID(), ...fields });
  const timestamp = String(Date.now());
  const signature = createHmac('sha256', Buffer.from(given.secret, 'base64')).update(`${timestamp}.${body}`).digest('base64');
  const answer = await fetch(`${given.ingress}/api/dial`, { method: 'POST', body,
    headers: { 'Content-Type': 'application/json', 'X-Pinless-Timestamp': timestamp, 'X-Pinless-Signature': signature } });
  assert.equal(answer.status, 200);
  return callId;
}

const agent = settings => fetch(`${given.agent}/control`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(settings) });

// --- pages ----------------------------------------------------------------------------------------
const browser = await chromium.launch({ executablePath: given.chromium, args: ['--no-sandbox'] });

// A page of its own; what its console or its network says that should not be there fails the scenario.
// `expected`: what the browser itself notes of a refusal that the scenario is about.
async function withPage({ expected, accepts, ...options }, use) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage(), complaints = [], origin = new URL(given.board).origin;
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('console', message => { if (!expected?.test(message.text())) complaints.push(`console: ${message.text()}`); });
  page.on('pageerror', error => complaints.push(`error: ${error.message}`));
  page.on('dialog', dialog => {
    if (accepts?.test(dialog.message())) return dialog.accept();
    complaints.push(`dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on('request', request => {
    const url = new URL(request.url());
    if (url.protocol !== 'blob:' && ![origin, new URL(given.proxied).origin].includes(url.origin)) complaints.push(`asks ${url}`);
    if (url.searchParams.size && !url.searchParams.has('after')) complaints.push(`a query in an address: ${url}`);
  });
  try {
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

const sentence = page => page.locator('.verdict');
const waitForText = (page, selector, pattern) => page.waitForFunction(
  ([css, source]) => [...document.querySelectorAll(css)].some(element => new RegExp(source).test(element.textContent)), [selector, pattern.source]);
const until = async (what, condition) => {
  const end = Date.now() + PATIENCE_MS;
  while (!await condition()) {
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
};

const SCENARIOS = {
  async 'the sentence is there soon after opening'() {
    await withPage({}, async page => {
      await page.goto(given.board);
      const ms = await page.evaluate(() => new Promise(resolve => {
        const look = () => /waits|wait;|call|worker/i.test(document.querySelector('.verdict')?.textContent || '') ? resolve(performance.now()) : requestAnimationFrame(look);
        look();
      }));
      console.error(`first sentence after ${Math.round(ms)} ms`);
      assert.ok(ms < given.firstSentenceMs, `after ${ms} ms`);
      await waitForText(page, '#live', /^live$/);
    });
  },

  async 'the sentence changes when the agent fills, and the hold counts down'() {
    await withPage({}, async page => {
      await page.goto(given.board);
      await waitForText(page, '.verdict', /Nobody waits/);
      await agent({ pool: 1 });
      const calls = [];
      for (let i = 0; i < 5; i++) calls.push(await ring());
      await waitForText(page, '.verdict', /callers? waits?;/);
      await page.waitForSelector('meter');
      const left = () => page.locator('meter').first().evaluate(meter => Number(meter.getAttribute('value')));
      const first = await left();
      await until('the hold to count down', async () => await left() < first - 1500);
      assert.match(await page.locator('tbody tr', { has: page.locator('meter') }).first().innerText(), /\+1…3432/);
      assert.ok(!(await page.content()).includes('8483432'), 'a number is on the page');
      await agent({ pool: 100 });
      await waitForText(page, '.verdict', /Nobody waits/);
      await waitForText(page, '[aria-label=Events] .badge', /started/);
    });
  },

  async 'a link to a call opens that call'() {
    await withPage({}, async page => {
      await page.goto(`${given.board}#/call/${given.deadCall}`);
      await waitForText(page, 'h1', /dead, expired/);
      await waitForText(page, 'dt', /signature/);
      assert.match(await page.locator('dl').innerText(), /good, by a secret/);
      assert.ok(await page.locator('svg.timeline rect').count() >= 2);
      await page.locator('details').first().click();
      assert.match(await page.locator('details pre').first().innerText(), /dialin_settings/);
      assert.ok(await page.locator('.steps > *').count() <= 8, 'equal attempts are folded');
    });
  },

  async 'an unknown call says so'() {
    await withPage({ expected: /status of 404/ }, async page => {
      await page.goto(`${given.board}#/call/nobody`);
      await waitForText(page, '[role=alert]', /not known/);
    });
  },

  async 'back and forward'() {
    await withPage({}, async page => {
      await page.goto(given.board);
      await page.click('nav a[data-screen=calls]');
      await page.waitForSelector('form.filters');
      await page.selectOption('select[name=state]', 'dead');
      await page.waitForURL(/state=dead/);
      await page.click(`a[href="#/call/${given.deadCall}"]`);
      await waitForText(page, 'h1', /dead/);
      await page.goBack();
      await waitForText(page, 'h1', /^Calls$/);
      assert.equal(await page.inputValue('select[name=state]'), 'dead');
      await page.goBack();
      await page.goBack();
      await page.waitForSelector('.tiles');
      await page.goForward();
      await waitForText(page, 'h1', /^Calls$/);
    });
  },

  async 'keys'() {
    await withPage({}, async page => {
      await page.goto(given.board);
      await page.waitForSelector('.tiles');
      await page.keyboard.press('c');
      await waitForText(page, 'h1', /^Calls$/);
      await page.keyboard.press('s');
      await waitForText(page, 'h1', /^System$/);
      await page.keyboard.press('n');
      await page.waitForSelector('.tiles');
      await page.keyboard.press('/');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'q');
      await page.keyboard.type(given.deadCall + '\n');
      await waitForText(page, 'h1', /dead/);
      await page.keyboard.press('/');
      await page.fill('#q', '+1 (415) 848-3432');
      await page.keyboard.press('Enter');
      await page.waitForURL(/calls\?from=/);
      await page.waitForSelector('td a');
    });
  },

  async 'focus and scrolling stay while the screen is drawn again'() {
    await withPage({ viewport: { width: 390, height: 700 } }, async page => {
      await page.goto(given.board);
      const event = page.locator('[aria-label=Events] a').first();
      await event.focus();
      const href = await event.getAttribute('href');
      await page.evaluate(() => scrollTo(0, 300));
      const before = await page.evaluate(() => scrollY);
      await ring();
      await page.waitForTimeout(2500);
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), href);
      assert.equal(await page.evaluate(() => scrollY), before);
    });
  },

  async 'hostile texts are only texts'() {
    await withPage({}, async page => {
      const id = await ring({ From: `"${HOSTILE}" <sip:${HOSTILE.length}@x>`, sipHeaders: { [HOSTILE]: HOSTILE } });
      await page.goto(`${given.board}#/call/${id}`);
      await page.waitForSelector('main > pre');
      await until('the webhook to be shown', async () => (await page.innerText('main')).includes('onerror'));
      await page.goto(`${given.board}#/calls`);
      await waitForText(page, 'td', /onerror/);
      assert.equal(await page.locator('main img').count(), 0);
    });
  },

  async 'a hidden page is sent nothing, and goes on'() {
    await withPage({}, async page => {
      const streams = [];
      page.on('request', request => { if (request.url().includes('api/stream')) streams.push(request.url()); });
      await page.goto(given.board);
      await page.waitForSelector('[aria-label=Events] a');
      const turn = hidden => page.evaluate(value => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
      await turn(true);
      await waitForText(page, '#live', /paused/);
      const id = await ring();
      await page.waitForTimeout(500);
      assert.equal(await page.locator(`[aria-label=Events] a[href="#/call/${id}"]`).count(), 0);
      await turn(false);
      await page.waitForSelector(`[aria-label=Events] a[href="#/call/${id}"]`);
      assert.match(streams.at(-1), /\?after=\d+-\d+$/);
    });
  },

  async 'the calls as CSV have no number'() {
    await withPage({}, async page => {
      await page.goto(`${given.board}#/calls`);
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Save as CSV')]);
      const text = readFileSync(await download.path(), 'utf8');
      assert.match(text, /^"received_ms","call_id","state"/);
      assert.ok(text.includes('…3432') && !text.includes('8483432'));
    });
  },

  async 'nothing overflows on a phone, light or dark'() {
    for (const [colorScheme, width] of [['light', 320], ['dark', 390]]) {
      await withPage({ colorScheme, viewport: { width, height: 800 } }, async page => {
        for (const screen of SCREENS) {
          await page.goto(given.board + screen);
          await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('[aria-busy]') && !/Reading…$/.test(document.querySelector('main').textContent));
          const [has, wanted] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
          assert.ok(wanted <= has, `${screen} at ${width}: ${wanted} wide`);
        }
      });
    }
  },

  async 'axe finds nothing'() {
    for (const colorScheme of ['light', 'dark']) {
      await withPage({ colorScheme, bypassCSP: true }, async page => {
        for (const screen of SCREENS) {
          await page.goto(given.board + screen);
          await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('[aria-busy]') && !/Reading…$/.test(document.querySelector('main').textContent));
          await page.evaluate(AXE);
          const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
          assert.deepEqual(found.violations.map(one => `${screen} ${colorScheme}: ${one.id}: ${one.nodes[0].html}`), []);
        }
      });
    }
  },

  async 'under a path, over a proxy, with a token'() {
    await withPage({ accepts: /^(Pause|Resume) /, expected: /status of 401/, ignoreHTTPSErrors: true }, async page => {
      await page.goto(given.proxied);
      await page.fill('input[name=token]', 'not-the-token-at-all');
      await page.click('button');
      await waitForText(page, '[role=alert]', /not BOARD_TOKEN/);
      await page.fill('input[name=token]', given.token);
      await page.click('button');
      await page.waitForSelector('.tiles');
      await waitForText(page, '#live', /^live$/);
      assert.match(await page.innerText('#title'), /production/);
      await page.click('nav a[data-screen=calls]');
      await page.waitForSelector('td a');
      const id = await ring();
      await page.goBack();
      await page.waitForSelector(`[aria-label=Events] a[href="#/call/${id}"]`);
      const [cookie] = await page.context().cookies();
      assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === 'Strict', JSON.stringify(cookie));
      await page.reload();
      await page.waitForSelector('.tiles');
      await page.click('nav a[data-screen=now]');
      await page.click('[aria-label=Agents] button:text("Pause")');
      await waitForText(page, '[aria-label=Agents] td', /paused by token/);
      await page.click('[aria-label=Agents] button:text("Resume")');
      await page.waitForSelector('[aria-label=Agents] button:text("Pause")');
      await page.goto(`${given.proxied}#/call/${given.deadCall}`);
      await page.click('text=Reveal numbers');
      await waitForText(page, 'dd', /^\+14158483432$/);
      await page.click('nav a[data-screen=system]');
      await waitForText(page, '[aria-label="What operators did"] td', /reveal/);
      await page.goBack();
      await waitForText(page, 'dd', /^\+1…3432$/);
    });
  },
};

for (const [name, run] of Object.entries(SCENARIOS)) {
  const begun = Date.now();
  let error = null;
  try {
    await run();
  } catch (problem) {
    error = problem.stack || String(problem);
  }
  console.log(JSON.stringify({ name, error, ms: Date.now() - begun }));
}
await browser.close();
