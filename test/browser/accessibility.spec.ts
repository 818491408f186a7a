import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeWithChromium, launchChromium } from '../helpers/chromium.js';
import { Quickstart } from '../helpers/quickstart.js';

interface AxeResults {
  passes: unknown[];
  violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[];
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const NARROW = { width: 375, height: 667 };
const WIDE = { width: 1280, height: 800 };
/** The part of the height of a narrow screen that the header may take. */
const HEADER_SHARE = 0.1;

jest.setTimeout(150_000);

let browser: Browser;
let quickstart: Quickstart;
/** Everything that a page has written to its console as an error, and every answer that is an error. */
let errors: string[];

async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(60_000);
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', error => errors.push(String(error)));
  page.on('response', response => {
    if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(quickstart.url);
  return page;
}

async function logIn(page: Page, user: string): Promise<void> {
  await page.getByRole('radio', { name: user }).check();
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText(`Connected as ${user}`).waitFor();
}

async function attack(page: Page): Promise<void> {
  for (const card of await page.locator('#attack-list li').all()) {
    await card.getByRole('button').click();
    await card.locator('.badge').waitFor();
  }
}

async function send(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('#echo-result').getByText('verified').waitFor();
}

async function chat(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.getByRole('button', { name: 'Say' }).click();
  await page.locator('#chat-messages li').filter({ hasText: text }).waitFor();
}

const openDetails = (page: Page) =>
  page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`);

async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const { passes, violations } = await page.evaluate<AxeResults>('axe.run()');
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${String(target)}: ${failureSummary}`),
  );
  expect(found).toEqual([]);
  expect(passes.length).toBeGreaterThan(20);
}

const expectHeaderIsLow = async (page: Page) => {
  const { height } = (await page.locator('header').boundingBox())!;
  expect(height).toBeLessThanOrEqual(NARROW.height * HEADER_SHARE);
};

describeWithChromium("the quickstart's page", () => {
  beforeAll(async () => {
    browser = await launchChromium();
    quickstart = await Quickstart.start();
  }, 120_000);

  afterAll(async () => {
    await quickstart.stop();
    await browser.close();
  });

  beforeEach(() => {
    errors = [];
  });

  afterEach(async () => {
    await Promise.all(browser.contexts().map(context => context.close()));
  });

  describe.each(['light', 'dark'] as const)('in %s colours', colorScheme => {
    it.each([NARROW, WIDE])(
      'has no fault that axe finds in any of its views, $width pixels wide',
      async viewport => {
        const page = await open({ colorScheme, viewport });
        await expectAccessible(page);
        await page.getByLabel('Password').fill('wrong');
        await page.getByRole('button', { name: 'Log in' }).click();
        await page.getByText('Wrong password.').waitFor();
        await expectAccessible(page);
        await page.getByLabel('Password').fill('demo');
        await logIn(page, 'alice');
        await page.getByText('Passed items').waitFor();
        await expectAccessible(page);
        await logIn(await open(), 'bob');
        await page.getByText('alice, bob').waitFor();
        await chat(page, 'hi bob');
        await send(page);
        await attack(page);
        await page.locator('#security-counts').getByText('REPLAY_DETECTED').waitFor();
        await expectAccessible(page);
        await openDetails(page);
        await page.getByRole('button', { name: 'Log out bob' }).waitFor();
        await expectAccessible(page);
      },
    );
  });

  it('has a header that takes at most a tenth of a narrow screen, before and after log-in', async () => {
    const page = await open({ viewport: NARROW });
    await expectHeaderIsLow(page);
    await logIn(page, 'alice');
    await expectHeaderIsLow(page);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(NARROW.width);
  });

  it('says what it is and why before anything else, and needs one click to log in', async () => {
    const page = await open();
    const [heading] = await page.getByRole('heading').allInnerTexts();
    expect(heading).toBe('A protected WebSocket server that you can attack');
    expect(await page.locator('#intro').innerText()).toMatch(
      /^A NestJS server with nestjs-semantic-events sent you this page\. Send it [^.]+\.$/,
    );
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Connected as alice').waitFor();
  });

  it.each(['alice', 'bob'])('causes no error on the console of %s in a normal tour', async user => {
    const page = await open();
    await logIn(page, user);
    await send(page);
    await chat(page, `hi from ${user}`);
    await attack(page);
    await openDetails(page);
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await page.locator('#login').waitFor();
    expect(errors).toEqual([]);
  });
});
