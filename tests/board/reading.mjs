// Who only looks: the three screens, for everybody and under every condition.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { agent, download, given, ring, send, until, waitForText, withPage } from './lib.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCREENS = ['#/', '#/calls', '#/calls?state=dead', '#/calls?state=refused', `#/call/${given.deadCall}`, '#/system'];
const HOSTILE = '<img src=x onerror=alert(1)>';

export const READING = {
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

  async 'who never reached the bot'() {
    await withPage({}, async page => {
      await page.goto(given.board);
      await waitForText(page, '.verdict', /1 caller never reached its bot of late/);
      await page.click('.tile a');
      await page.waitForURL(/verdict=never_connected/);
      await waitForText(page, 'td', /started, never reached/);
      assert.equal(await page.locator('td a').count(), 1);
      assert.equal(await page.inputValue('select[name=verdict]'), 'never_connected');
      await page.click(`a[href="#/call/${given.missedCall}"]`);
      await waitForText(page, 'dd', /a bot was started and the caller never reached it/);
    });
  },

  // What the stream sends is tested in test_board_stream.py.
  async 'a gap is told where it is'() {
    const event = (id, kind) => `id: ${id}\nevent: event\ndata: {"id":"${id}","call_id":"c-1","event":"${kind}","at_ms":1795408783000}\n\n`;
    const gap = leftOut => `event: gap\ndata: {"left_out":${leftOut}}\n\n`;
    await withPage({}, async page => {
      await page.route('**/api/stream*', async route => {
        const now = await page.context().request.get(`${given.board}api/now`);
        await route.fulfill({ contentType: 'text/event-stream', body: `retry: 600000\n\nevent: now\ndata: ${await now.text()}\n\n` +
          event('1-0', 'attempt') + gap(null) + event('2-0', 'waiting') + gap(1) + gap(312) + event('3-0', 'started') });
      });
      await page.goto(given.board);
      await waitForText(page, '[aria-label=Events] td', /started/);
      const rows = await page.locator('[aria-label=Events] tbody tr').allInnerTexts();
      assert.match(rows[0], /started/);
      assert.match(rows[1], /^312 events are left out here: they came faster than 200 a second\. Calls has all of them\./);
      assert.match(rows[2], /^1 event is left out here/);
      assert.match(rows[3], /waiting/);
      assert.match(rows[4], /^This page missed more than 1,000 events; the oldest of them are left out here\./);
      assert.match(rows[5], /attempt/);
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

  async 'a browser whose clock is hours off'() {
    await withPage({}, async page => {
      await page.addInitScript(() => {
        const now = Date.now;
        Date.now = () => now() + 5 * 3600 * 1000;
      });
      await agent({ pool: 1 });
      const id = await ring();
      await page.goto(given.board);
      const row = page.locator('tbody tr', { has: page.locator('meter'), hasText: id });
      await row.waitFor();
      const left = await row.locator('meter').evaluate(meter => Number(meter.getAttribute('value')));
      assert.ok(left > 0 && left <= 60_000, `hold left: ${left} ms`);
      assert.match(await row.locator('td').nth(4).innerText(), /^([\d.]+ s|\d+ ms)$/);
      await agent({ pool: 100 });
      await page.click('nav a[data-screen=system]');
      await waitForText(page, 'dd', /^1(79|80)\d\d(\.\d)? s$/);
    });
  },

  async 'a stream that is dead is opened again'() {
    await withPage({}, async page => {
      const streams = [];
      page.on('request', request => { if (request.url().includes('api/stream')) streams.push(request.url()); });
      await page.goto(given.board);
      await page.waitForSelector('[aria-label=Events] a');
      process.kill(given.boardPid, 'SIGSTOP');
      try {
        await page.evaluate(() => {
          const now = performance.now.bind(performance);
          performance.now = () => now() + 60_000;
        });
        await waitForText(page, '.verdict', /The board does not answer since/);
        await until('another stream', () => streams.length > 1);
      } finally {
        process.kill(given.boardPid, 'SIGCONT');
      }
      const id = await ring();
      await page.waitForSelector(`[aria-label=Events] a[href="#/call/${id}"]`);
      await waitForText(page, '#live', /^live$/);
      assert.match(streams[1], /\?after=\d+-\d+$/);
    });
  },

  async 'addresses typed by hand, and the same address again'() {
    await withPage({ expected: /status of 404/ }, async page => {
      await page.goto(`${given.board}#/call/100%`);
      await waitForText(page, '[role=alert]', /not known|recorded/);
      await page.goto(`${given.board}#/calls?since=1h`);
      await page.waitForSelector('td a');
      const id = await ring();
      await until('the list to be read again', async () => {
        await page.click('button:text-is("Show")');
        await page.waitForSelector('[aria-busy]', { state: 'detached' });
        return await page.locator(`td a[href="#/call/${id}"]`).count() === 1;
      });
    });
  },

  async 'the calls as CSV have no number'() {
    await withPage({}, async page => {
      await page.goto(`${given.board}#/calls`);
      const text = readFileSync(await download(page, 'Save as CSV'), 'utf8');
      assert.match(text, /^"received","received_ms","call_id"/);
      assert.ok(text.includes('…3432') && !text.includes('8483432'));
    });
  },

  async 'refused webhooks'() {
    assert.equal((await send({ callId: 7, sipHeaders: { [HOSTILE]: HOSTILE } })).status, 400);
    await withPage({}, async page => {
      await page.goto(`${given.board}#/calls`);
      await page.selectOption('select[name=state]', 'refused');
      await page.waitForURL(/state=refused$/);
      await waitForText(page, 'td', /callId must be a string/);
      await page.click('td summary');
      const body = await page.innerText('td pre');
      assert.ok(body.includes('onerror') && body.includes('…3432') && !body.includes('8483432'), body);
      assert.equal(await page.locator('main img').count(), 0);
      const text = readFileSync(await download(page, 'Save as CSV'), 'utf8');
      assert.match(text, /^"received","received_ms","code","sentence","peer","body_bytes"\r\n"20.*"invalid_field","callId must be a string","127.0.0.1"/);
      await page.selectOption('select[name=state]', '');
      await page.waitForSelector('td a');
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
    await withPage({ answers: text => /^(Pause|Resume) /.test(text) || undefined, expected: /status of 401/, ignoreHTTPSErrors: true }, async page => {
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
