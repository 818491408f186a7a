// Runs the clients in a page of a headless Chromium, with the browser's WebSocket.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const EXECUTABLE = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'chromium'))
  .find(path => existsSync(path));

const ENTRY = `
import { SemanticEventsClient } from './lib/client/index.ts';
import { runClients } from './bench/faults/clients.js';
const unhandled = [];
addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)));
globalThis.run = async ({ url, ...options }) => {
  const way = () => ({ url });
  return { ...(await runClients({ Client: SemanticEventsClient, way, ...options })), unhandled };
};
`;

/** @param origin the origin of the page */
export async function runInChromium(origin, options) {
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: '.' },
    bundle: true,
    write: false,
    format: 'iife',
  });
  const chromiumSandbox = process.getuid?.() !== 0;
  const browser = await chromium.launch({ executablePath: EXECUTABLE, chromiumSandbox });
  try {
    const page = await browser.newPage();
    await page.goto(origin);
    await page.addScriptTag({ content: outputFiles[0].text });
    return await page.evaluate(given => globalThis.run(given), options);
  } finally {
    await browser.close();
  }
}
