// The screen System: is the machine well?
import { el, show } from './dom.js';

const main = document.getElementById('main');

export function drawSystem() {
  return () => show(main, el('h1', {}, 'System'));
}
