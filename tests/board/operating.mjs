// Who acts: each button, and what it leaves in the record of operators.
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import { agent, download, given, ring, until, waitForText, withPage } from './lib.mjs';

async function logIn(page, board = given.guarded) {
  await page.goto(board);
  await page.fill('input[name=token]', given.token);
  await page.click('button');
  await page.waitForSelector('.tiles');
}

// The rows of what operators did, the newest first: who, action, object, outcome.
async function record(page) {
  await page.goto(`${given.guarded}#/`);
  await page.goto(`${given.guarded}#/system`);
  await page.waitForSelector('[aria-label="What operators did"] tbody tr');
  return page.locator('[aria-label="What operators did"] tbody tr').evaluateAll(rows =>
    rows.map(row => [...row.cells].map(cell => cell.textContent)).map(([, who, , action, object, outcome]) => ({ who, action, object, outcome })));
}

async function assertRecorded(page, action, object, outcome) {
  const of = row => row.action === action && row.object.includes(object);
  await until(`${action} to be recorded`, async () => (await record(page)).find(of)?.outcome === outcome);
  assert.equal((await record(page)).find(of).who, 'token');
}

const openCall = async (page, id, state) => {
  await page.goto(`${given.guarded}#/`);
  await page.goto(`${given.guarded}#/call/${id}`);
  await until(`the call to be ${state}`, async () => {
    if ((await page.innerText('h1')).includes(state)) return true;
    if (await page.locator('button:text-is("Read again")').count()) await page.click('button:text-is("Read again")');
    return false;
  });
};

// Given up at once, while its caller still holds.
async function ringInVain() {
  await agent({ cues: [{ status: 413 }] });
  return ring();
}

const SECOND = '{board}:b';

export const OPERATING = {
  async 'over several prefixes each row names its own, and actions go to it'() {
    await withPage({ answers: text => text.includes(`of ${SECOND}?`) || undefined }, async page => {
      await logIn(page, given.several);
      await waitForText(page, '[aria-label=Prefixes] td', /^\{board\}:b$/);
      const row = page.locator('[aria-label=Agents] tbody tr', { hasText: SECOND });
      assert.equal(await page.locator('[aria-label=Agents] tbody tr').count(), 2);
      await row.locator('button:text-is("Pause")').click();
      await waitForText(page, '.verdict', /\{board\}:b: Agent .* is paused/);
      assert.equal(await page.locator('[aria-label=Agents] button:text-is("Pause")').count(), 1);
      await row.locator('button:text-is("Resume")').click();
      await row.locator('button:text-is("Pause")').waitFor();
      const id = await ring({}, given.secondIngress); // now: the page shows the newest events of all prefixes only
      await page.click(`[aria-label=Events] a:text-is("${id}")`);
      await waitForText(page, 'dd', /^\{board\}:b$/);
      await page.click('button:text-is("Reveal numbers")');
      await waitForText(page, 'dd', /^\+14158483432$/);
      await page.click('nav a[data-screen=calls]');
      await page.selectOption('select[name=prefix]', SECOND);
      await page.waitForURL(/prefix=/);
      const shown = () => page.locator('[aria-label=Calls] tbody tr td:first-child').allInnerTexts();
      await until('the calls of this prefix alone', async () => (await shown()).join() === [SECOND, SECOND].join());
      await page.click('nav a[data-screen=system]');
      await waitForText(page, '[aria-label="What operators did"] td', /reveal/);
      const did = await page.locator('[aria-label="What operators did"] tbody tr', { hasText: SECOND }).allInnerTexts();
      assert.match(did.join(' '), /reveal[^]*shown[^]*resume[^]*done[^]*pause[^]*done/);
    });
  },

  async 'cancel asks first, and is recorded with its outcome'() {
    let accepts = false;
    const answers = text => /^Cancel this call/.test(text) ? accepts : undefined;
    await withPage({ answers }, async page => {
      await logIn(page);
      await agent({ pool: 1 });
      const id = await ring();
      await openCall(page, id, 'waiting');
      await page.click('button:text-is("Cancel")');
      await openCall(page, id, 'waiting');
      accepts = true;
      await page.click('button:text-is("Cancel")');
      await waitForText(page, 'h1', /dead, cancelled/);
      assert.equal(await page.locator('button:text-is("Cancel")').count(), 0);
      await assertRecorded(page, 'cancel', id, 'done');
      assert.equal((await record(page)).filter(row => row.object === id).length, 1);
      await agent({ pool: 100 });
    });
  },

  async 'a call that was served meanwhile is not cancelled, and the page says so'() {
    const said = [], answers = text => said.push(text) > 0;
    await withPage({ answers, expected: /status of 409/ }, async page => {
      await logIn(page);
      await agent({ pool: 1 });
      const id = await ring();
      await openCall(page, id, 'waiting');
      await agent({ pool: 100 });
      await until('the call to be served', () => page.evaluate(call => fetch('api/call', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ id: call }) })
        .then(answer => answer.json()).then(value => value.state === 'started'), id));
      await page.click('button:text-is("Cancel")');
      await until('the page to say why', () => said.length === 2);
      assert.match(said[1], /started already/);
      await assertRecorded(page, 'cancel', id, 'not done');
    });
  },

  async 'a replay is planned, confirmed and done'() {
    const said = [];
    let accepts = false;
    await withPage({ answers: text => said.push(text) > 0 && accepts }, async page => {
      await logIn(page);
      const id = await ringInVain();
      await openCall(page, id, 'dead, rejected');
      await page.click('button:text-is("Replay")');
      await until('the plan', () => said.length === 1);
      assert.match(said[0], /would replay 1 calls/);
      assert.ok(!(await record(page)).some(row => row.object === id), 'a plan is no action');
      accepts = true;
      await openCall(page, id, 'dead, rejected');
      await page.click('button:text-is("Replay")');
      await page.waitForURL(new RegExp(`#/call/${id}~r1$`));
      await openCall(page, `${id}~r1`, 'started');
      await assertRecorded(page, 'replay', id, 'done');
    });
  },

  async 'a plan that is no longer good is refused with a sentence'() {
    const said = [];
    let plan = null, shared = null;
    await withPage({ expected: /status of 409/, answers: async text => {
      said.push(text);
      if (said.length === 1) { // while the operator thinks, the plan is done in another tab
        const answer = await shared.post(`${given.guarded}api/replay`, { data: { plan }, headers: { 'Sec-Fetch-Site': 'same-origin' } });
        assert.equal(answer.status(), 200);
      }
      return true;
    } }, async page => {
      shared = page.context().request;
      await page.route('**/api/plan', async route => {
        const response = await route.fetch();
        plan = (await response.json()).plan;
        await route.fulfill({ response });
      });
      await logIn(page);
      const id = await ringInVain();
      await openCall(page, id, 'dead, rejected');
      await page.click('button:text-is("Replay")');
      await until('the refusal', () => said.length === 2);
      assert.match(said[1], /this plan is done already, or older than 60 s: plan it again/);
      assert.match(page.url(), new RegExp(`#/call/${id}$`));
      assert.equal((await record(page)).filter(row => row.action === 'replay' && row.object === id).length, 1);
    });
  },

  async 'pause and resume'() {
    await withPage({ answers: text => /^(Pause|Resume) /.test(text) || undefined }, async page => {
      await logIn(page);
      const name = await page.innerText('[aria-label=Agents] tbody td');
      await page.click('[aria-label=Agents] button:text-is("Pause")');
      await waitForText(page, '[aria-label=Agents] td', /paused by token/);
      await waitForText(page, '.verdict', /is paused/);
      await page.click('[aria-label=Agents] button:text-is("Resume")');
      await page.waitForSelector('[aria-label=Agents] button:text-is("Pause")');
      await assertRecorded(page, 'pause', name, 'done');
      await assertRecorded(page, 'resume', name, 'done');
    });
  },

  async 'an export has the numbers of what is shown, and is recorded'() {
    let asked = 0;
    await withPage({ answers: text => /with their numbers/.test(text) ? (asked++ > 0) : undefined }, async page => {
      const id = await ring({ From: '+13105550100' });
      await logIn(page);
      await page.fill('#q', '+1 310 555 0100');
      await page.keyboard.press('Enter');
      await page.waitForSelector(`td a[href="#/call/${id}"]`);
      await page.click('button:text-is("Export with numbers")');
      await until('the question', () => asked === 1);
      const text = readFileSync(await download(page, 'Export with numbers'), 'utf8');
      assert.ok(text.includes(`"'+13105550100"`) && text.includes(id) && !text.includes('8483432'), text);
      await waitForText(page, '[role=status]', /^ 1 rows, the newest first, are saved/);
      await assertRecorded(page, 'export', '"limit":3000', 'done');
      assert.equal((await record(page)).filter(row => row.action === 'export').length, 1);
      assert.ok(!(await page.content()).includes('5550100'));
    });
  },

  async 'a session that has ended asks for the token, and does not wipe what is typed'() {
    await withPage({ expected: /status of 401/ }, async page => {
      await logIn(page);
      await page.context().clearCookies();
      for (const hidden of [true, false]) {
        await page.evaluate(value => {
          Object.defineProperty(document, 'hidden', { value, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }, hidden);
      }
      await page.fill('input[type=password]', 'half of a tok');
      await page.evaluate(() => fetch('api/now').then(() => document.dispatchEvent(new Event('visibilitychange'))));
      await page.waitForTimeout(1500);
      assert.equal(await page.inputValue('input[type=password]'), 'half of a tok');
      await page.fill('input[type=password]', given.token);
      await page.click('main button');
      await page.waitForSelector('.tiles');
      await waitForText(page, '#live', /^live$/);
    });
  },

  async 'reveal is recorded'() {
    await withPage({}, async page => {
      await logIn(page);
      await openCall(page, given.deadCall, 'dead, expired');
      await page.click('button:text-is("Reveal numbers")');
      await waitForText(page, 'dd', /^\+14158483432$/);
      await assertRecorded(page, 'reveal', given.deadCall, 'shown');
      assert.ok(!(await page.content()).includes('8483432'));
    });
  },
};
