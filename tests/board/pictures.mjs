// Takes the README's pictures: node pictures.mjs '{"board": URL, "call": id, "folder": …, "chromium": …}'
import { chromium } from 'playwright-core';

const given = JSON.parse(process.argv[2]);
const extra = given.all ? [['calls', '#/calls?state=dead', { width: 1200, height: 700 }, 'light'], ['system', '#/system', { width: 1200, height: 1100 }, 'light']] : [];
const browser = await chromium.launch({ executablePath: given.chromium, args: ['--no-sandbox'] });
const SHOTS = [
  ['now-light', '#/', { width: 1200, height: 1060 }, 'light'],
  ['now-dark', '#/', { width: 1200, height: 1060 }, 'dark'],
  ['now-phone', '#/', { width: 390, height: 844 }, 'light'],
  ['call', `#/call/${given.call}`, { width: 1200, height: 860 }, 'light'],
];
for (const [name, screen, viewport, colorScheme] of [...SHOTS, ...extra]) {
  const page = await browser.newPage({ viewport, colorScheme, locale: 'en-GB' });
  await page.goto(given.board + screen);
  await page.waitForFunction(() => document.querySelector('h1') && document.querySelector('#live.on') && !document.querySelector('[aria-busy]') && !/Reading…$/.test(document.querySelector('main').textContent));
  await page.waitForTimeout(1500);
  await page.screenshot({ path: `${given.folder}/board-${name}.png` });
  await page.close();
}
await browser.close();
