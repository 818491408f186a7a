import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './chat.js';

const page = globalThis.document.querySelector('#app');
let root = createRoot(page);
root.render(createElement(App));

/** Ends the client when a single-page application leaves this page. */
export function leave() {
  root.unmount();
}

export function comeBack() {
  root = createRoot(page);
  root.render(createElement(App));
}
