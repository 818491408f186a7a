import type { Browser, Page } from 'playwright-core';
import { describeWithChromium, launchChromium } from '../helpers/chromium.js';
import { ClientHost } from '../helpers/client-host.js';
import { BEHAVIOURS } from './behaviours.js';

describeWithChromium('a client in a browser', () => {
  let browser: Browser;
  let host: ClientHost;
  let page: Page;
  let failures: string[];

  beforeAll(async () => {
    browser = await launchChromium();
  }, 60_000);

  beforeEach(async () => {
    host = await ClientHost.start();
    page = await browser.newPage();
    failures = [];
    // Includes unhandled rejections of the page.
    page.on('pageerror', ({ message }) => failures.push(message));
    await page.goto(host.url);
    await page.waitForFunction('"behave" in globalThis');
  }, 60_000);

  afterEach(async () => {
    await page.close();
    expect(failures).toEqual([]);
    expect(host.mesh.offences).toEqual([]);
    await host.close();
  });

  afterAll(async () => {
    await browser.close();
  });

  const behave = (name: string) =>
    page.evaluate(`behave(${JSON.stringify(name)}, ${JSON.stringify(host.surroundings)})`);

  it.each(Object.keys(BEHAVIOURS))('%s', async name => {
    expect(await behave(name)).toBe('passed');
  });

  it('requests broadcast signatures if it can verify them', async () => {
    const canVerify = await page.evaluate(
      `crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']).then(() => true, () => false)`,
    );
    expect(await behave('iterates over events')).toBe('passed');

    expect(host.mesh.broadcastsWanted).toBe(canVerify ? 1 : 0);
  });

  it.each([
    'sends accepted events, and verifies the replies',
    'resumes after the connection was lost',
  ])('in a worker: %s', async name => {
    const result = await page.evaluate(`new Promise((resolve, reject) => {
      const worker = new Worker('/test/client/worker.js', { type: 'module' });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(${JSON.stringify([name, host.surroundings])});
    })`);

    expect(result).toBe('passed');
  });

  it('accepts an address relative to its page', async () => {
    const url = await page.evaluate(`(async () => {
      const { socketUrl } = await import('/lib/client/client-options.js');
      return socketUrl('/events');
    })()`);

    expect(url).toBe(`${host.url.replace('http', 'ws')}/events`);
  });
});
