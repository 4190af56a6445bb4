// The board in a real browser. Each scenario of READING and OPERATING prints one line of JSON: its
// name, and the error if there is one. test_browser.py starts what it looks at, and tells where it is:
//
//   node browser.mjs '{"board": URL, "guarded": URL, "proxied": URL, "token": …, "ingress": URL, …}'
import { browser } from './lib.mjs';
import { OPERATING } from './operating.mjs';
import { READING } from './reading.mjs';

const only = process.env.ONLY && new RegExp(process.env.ONLY);
for (const [name, run] of Object.entries({ ...READING, ...OPERATING })) {
  if (only && !only.test(name)) continue;
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
