import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeWithChromium, launchChromium } from '../helpers/chromium.js';
import { Quickstart } from '../helpers/quickstart.js';

/**
 * Messages of Chromium about error statuses and unreachable servers, which tests cause on purpose.
 */
const NETWORK = /^(Failed to load resource|WebSocket connection to)/;

// A client may wait up to half a minute before it reconnects.
jest.setTimeout(150_000);

let browser: Browser;
let quickstart: Quickstart;
/** All other console messages, such as violations of the Content-Security-Policy. */
let complaints: string[];

async function open(): Promise<Page> {
  // A separate context, like another user's browser.
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(60_000);
  page.on('console', message => {
    if (!/error|warning/.test(message.type()) || NETWORK.test(message.text())) return;
    complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(String(error)));
  await page.goto(quickstart.url);
  return page;
}

async function enter(user: string): Promise<Page> {
  const page = await open();
  await logIn(page, user);
  return page;
}

/** The page fills in the password. */
async function logIn(page: Page, user: string): Promise<void> {
  await page.getByRole('radio', { name: user }).check();
  await page.getByRole('button', { name: 'Log in' }).click();
  await state(page, `Connected as ${user}`);
}

/** Waits until the page shows this connection state. */
const state = (page: Page, text: string) =>
  page.getByText(text).and(page.locator('#state')).waitFor();

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.keyboard.press('Enter');
}

const untilShown = (page: Page, text: string) =>
  page.locator('#chat-log li').filter({ hasText: text }).first().waitFor();

const messages = async (page: Page) =>
  Promise.all(
    (await page.locator('#chat-log li').all()).map(async message => [
      await message.locator('strong').innerText(),
      await message.locator('span').innerText(),
    ]),
  );

const isFocused = (element: { ownerDocument: { activeElement: unknown } }) =>
  element.ownerDocument.activeElement === element;

/** Expects the focused element to be visible and not covered by the header. */
async function expectUncovered(page: Page): Promise<void> {
  const isOnTop = await page.evaluate(
    `(() => {
      const { left, top, width } = document.activeElement.getBoundingClientRect();
      const seen = document.elementFromPoint(left + width / 2, top + 5);
      return document.activeElement.contains(seen);
    })()`,
  );
  expect(isOnTop).toBe(true);
}

describeWithChromium('the quickstart page', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  }, 120_000);

  afterAll(async () => {
    await browser.close();
  });

  beforeEach(async () => {
    complaints = [];
    quickstart = await Quickstart.start();
  });

  afterEach(async () => {
    await Promise.all(browser.contexts().map(context => context.close()));
    await quickstart.stop();
    expect(complaints).toEqual([]);
  });

  it('logs in with the correct password only', async () => {
    const page = await open();
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Wrong password.').waitFor();
    expect(await page.locator('#panels').isVisible()).toBe(false);

    await page.getByLabel('Password').fill('demo');
    await page.getByRole('button', { name: 'Log in' }).click();
    await state(page, 'Connected as alice');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.locator('#login').waitFor();
  });

  it('shows a reply that was verified in the browser', async () => {
    const page = await enter('alice');
    await page.getByLabel('Data').fill('{"any":["thing",1.5,"wörld"]}');
    await page.getByRole('button', { name: 'Send' }).click();
    const result = page.locator('#echo-result');
    await result.getByText('verified').waitFor();
    expect(JSON.parse(await result.locator('pre').innerText())).toMatchObject({
      type: 'demo.echo.reply',
      data: { any: ['thing', 1.5, 'wörld'] },
      semanticsignature: expect.stringMatching(/^v1\.s-/),
    });
  });

  it('does not show a reply that was modified in transit', async () => {
    const page = await open();
    await page.routeWebSocket(/events/, socket => {
      const server = socket.connectToServer();
      server.onMessage(message => {
        socket.send(String(message).replace('"amount":1.5', '"amount":2.5'));
      });
    });
    await page.reload();
    await page.getByLabel('Password').fill('demo');
    await page.keyboard.press('Enter');
    await state(page, 'Connected as alice');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('alert').filter({ hasText: 'UNVERIFIED' }).waitFor();
    expect(await page.locator('#echo-result').innerText()).toBe('');
  });

  it('shows chat messages as text, with the user names known to the server', async () => {
    const [alice, bob] = await Promise.all([enter('alice'), enter('bob')]);
    const markup = '<img src=x onerror=alert(1)>';
    await say(bob, markup);
    await untilShown(alice, markup);
    await say(alice, 'hi bob');
    for (const page of [alice, bob]) {
      await untilShown(page, 'hi bob');
      expect(await messages(page)).toEqual([
        ['bob', markup],
        ['alice', 'hi bob'],
      ]);
    }
  });

  it.each(['alice', 'bob'])(
    'shows the rejection of each attack by %s, and continues',
    async user => {
      const page = await enter(user);
      const results: Record<string, string> = {};
      for (const attack of await page.locator('#attack-list li').all()) {
        await attack.getByRole('button').click();
        await attack.locator('.badge').waitFor();
        const [code = '', close] = (await attack.locator('[role=status]').innerText()).match(
          /^\w+|\d+$/g,
        )!;
        results[await attack.getByRole('button').innerText()] = close ? `${code} ${close}` : code;
      }
      expect(results).toEqual({
        Tamper: 'INVALID_SIGNATURE',
        Replay: 'REPLAY_DETECTED',
        Unsigned: 'INVALID_SIGNATURE',
        Expired: 'EVENT_EXPIRED',
        'Forged session key': 'INVALID_SIGNATURE',
        'Forbidden event': 'FORBIDDEN',
        Flood: 'RATE_LIMITED 4429',
        Oversize: 'MESSAGE_TOO_LARGE 1009',
      });
      await state(page, `Connected as ${user}`);
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('#echo-result').getByText('verified').waitFor();
    },
  );

  it('fits a narrow screen, keeps the connection state visible, and works by keyboard alone', async () => {
    const page = await enter('alice');
    await page.setViewportSize({ width: 375, height: 700 });
    await page.getByText('Passed items').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);

    const reached: string[] = [];
    const controls = await page
      .locator(':is(select, textarea, input, button, summary, #chat-log):visible')
      .count();
    for (let n = 0; n < controls; n++) {
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus-visible');
      // Focus passes the body between the last and the first element.
      if ((await focused.count()) === 0) await page.keyboard.press('Tab');
      reached.push(await focused.evaluate(element => element.outerHTML));
      await expectUncovered(page);
    }
    expect(new Set(reached).size).toBe(controls);

    await page.locator('#attack-unsigned').focus();
    await page.keyboard.press('Enter');
    await page.locator('#attack-unsigned-result .badge').waitFor();
    expect(await page.locator('#attack-unsigned').evaluate(isFocused)).toBe(true);
    await page.getByText('Passed items').focus();
    await page.keyboard.press('Enter');
    await page.getByText('An adapter of this library is installed').waitFor();
    const { y } = (await page.locator('#state').boundingBox()) ?? { y: -1 };
    expect(y).toBeGreaterThanOrEqual(0);
  });

  it('shows admins the counted rejections and the production checklist', async () => {
    const page = await enter('alice');
    const counts = page.locator('#security-counts');
    await page.getByText('The server sends these counts').waitFor();
    for (const name of ['Unsigned', 'Replay', 'Tamper'])
      await page.getByRole('button', { name }).click();
    await counts.getByRole('row', { name: 'refused INVALID_SIGNATURE 2' }).waitFor();
    await counts.getByRole('row', { name: 'refused REPLAY_DETECTED 1' }).waitFor();
    await page.getByRole('img', { name: '3 refused or closed' }).waitFor();
    const failed = page.locator('#checklist-items li').filter({ has: page.locator('.bad') });
    expect(await failed.locator('code').allInnerTexts()).toEqual(['tls', 'origins']);
  });

  it('lets an admin log another user out', async () => {
    const [alice, bob] = await Promise.all([enter('alice'), enter('bob')]);
    await alice.getByText('Open connections').click();
    await alice.getByRole('button', { name: 'Log out bob' }).click();
    await alice.getByText('Done: Log out bob.').waitFor();
    await state(bob, 'Closed (REVOKED)');
    expect(await alice.getByRole('button', { name: 'Log out bob' }).count()).toBe(0);
    await state(alice, 'Connected as alice');
  });

  it('asks the server for what is for admins only as an admin', async () => {
    const page = await open();
    const asked: string[] = [];
    page.on('request', request => asked.push(new URL(request.url()).pathname));
    await logIn(page, 'bob');
    await page.getByText('Only admins can see security events').waitFor();
    await page.getByText('Only admins can see the checklist').waitFor();
    expect(asked.filter(path => /^\/(security|semantic-events\/c)/.test(path))).toEqual([]);
    expect(await page.getByText('Open connections').isVisible()).toBe(false);
    await page.getByText('The last 100 frames').click();
    expect(await page.locator('#frames').innerText()).not.toContain('system.');
  });

  it('shows the frames of its connection, marks what is signed, and hides tickets and keys', async () => {
    const page = await enter('alice');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#echo-result').getByText('verified').waitFor();
    const panel = page.locator('#frames');
    await panel.getByText(/^\d+\.\d ms \(demo\.echo\.reply\)$/).waitFor();
    await panel.getByText(/^chat\.\*, presence\.\*, system\.\*\*$/).waitFor();
    expect(await panel.locator('#frames-state').innerText()).toBe('connected');

    await panel.getByText('The last 100 frames').click();
    const frame = (name: string) => panel.locator('li').filter({ hasText: name }).last();
    for (const name of ['sent auth', 'received auth_success', 'sent demo.echo'])
      await frame(name).locator('summary').click();
    expect(await frame('sent auth').locator('pre').innerText()).toContain('"token": "(hidden)"');
    expect(await frame('received auth_success').locator('pre').innerText()).toMatch(
      /"key": "\(hidden\)"/,
    );
    const sent = frame('sent demo.echo').locator('pre');
    expect(JSON.parse(await sent.locator('mark').innerText())).toMatchObject({
      type: 'demo.echo',
      data: { name: 'wörld' },
    });
    expect(await sent.innerText()).toMatch(/signature: v1\.s-/);
  });

  it('keeps the last 100 frames', async () => {
    const page = await enter('alice');
    const frames = page.locator('#frames-list > li');
    // Each event has a reply.
    await page.evaluate(
      `for (let count = 0; count < 60; count++) document.querySelector('#echo-form button').click()`,
    );
    await page
      .locator('#frames-count')
      .getByText(/^[67]\d sent, [67]\d received$/)
      .waitFor();
    expect(await frames.count()).toBe(100);
  });

  it('shows the frames that an attack sent and received', async () => {
    const page = await enter('alice');
    const attack = page.locator('#attack-list li').filter({ hasText: 'Replay' });
    await attack.getByRole('button').click();
    await attack.getByText('Frames').click();
    const [first, second, received] = await attack.locator('pre').allInnerTexts();
    expect(first).toContain('"amount": 10');
    expect(second).toBe(first);
    expect(received).toContain('REPLAY_DETECTED');
  });

  it('reconnects after a server restart, without lost or duplicate messages', async () => {
    const [alice, bob] = await Promise.all([enter('alice'), enter('bob')]);
    await say(alice, 'before');
    await untilShown(bob, 'before');
    await quickstart.stop();
    await Promise.all([alice, bob].map(page => state(page, 'Connection lost')));
    await say(bob, 'while it is away');
    await alice.context().setOffline(true);
    await quickstart.restart();
    await untilShown(bob, 'while it is away');
    await alice.context().setOffline(false);
    // Unless she has reconnected before she can press it.
    const button = alice.getByRole('button', { name: 'Try now' });
    if (await button.isVisible()) await button.click({ timeout: 2_000 }).catch(() => undefined);
    await untilShown(alice, 'while it is away');
    await say(alice, 'after');
    for (const page of [alice, bob]) {
      await untilShown(page, 'after');
      expect(await messages(page)).toEqual([
        ['alice', 'before'],
        ['bob', 'while it is away'],
        ['alice', 'after'],
      ]);
    }
  });
});
