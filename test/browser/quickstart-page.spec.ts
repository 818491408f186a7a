import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeWithChromium, launchChromium } from '../helpers/chromium.js';
import { buildClientModules } from '../helpers/client-modules.js';
import { Quickstart } from '../helpers/quickstart.js';

/** What Chromium says of answers that are no success, and of servers that are away: tests ask the page about these. */
const NETWORK = /^(Failed to load resource|WebSocket connection to)/;

// A client that comes back may wait for as long as half a minute.
jest.setTimeout(150_000);

let modules: Awaited<ReturnType<typeof buildClientModules>>;
let browser: Browser;
let quickstart: Quickstart;
/** What else pages have complained of, such as what their Content-Security-Policy forbids. */
let complaints: string[];

async function open(): Promise<Page> {
  // A context of its own: as another person's browser.
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
  await page.getByRole('radio', { name: user }).check();
  await page.getByLabel('Password').fill('demo');
  await page.keyboard.press('Enter');
  await state(page, `Connected as ${user}`);
  return page;
}

/** Waits until the page says that of its connection. */
const state = (page: Page, text: string) =>
  page.getByText(text).and(page.locator('#state')).waitFor();

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.keyboard.press('Enter');
}

const heard = (page: Page, text: string) =>
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

/** What has the focus is in sight, and not beneath the header. */
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

describeWithChromium("the quickstart's page", () => {
  beforeAll(async () => {
    [modules, browser] = await Promise.all([buildClientModules(), launchChromium()]);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    modules.remove();
  });

  beforeEach(async () => {
    complaints = [];
    quickstart = await Quickstart.start(modules.folder);
  });

  afterEach(async () => {
    await Promise.all(browser.contexts().map(context => context.close()));
    await quickstart.stop();
    expect(complaints).toEqual([]);
  });

  it('lets in who knows the password, and nobody else', async () => {
    const page = await open();
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('That is not the password.').waitFor();
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

  it('shows no reply that was changed on its way', async () => {
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

  it('has two people chat, each under the name the server knows, and shows what they say as text', async () => {
    const [alice, bob] = await Promise.all([enter('alice'), enter('bob')]);
    const markup = '<img src=x onerror=alert(1)>';
    await say(bob, markup);
    await heard(alice, markup);
    await say(alice, 'hi bob');
    for (const page of [alice, bob]) {
      await heard(page, 'hi bob');
      expect(await messages(page)).toEqual([
        ['bob', markup],
        ['alice', 'hi bob'],
      ]);
    }
  });

  it.each(['alice', 'bob'])('shows the refusal of each attack of %s, and lives on', async user => {
    const page = await enter(user);
    const told: Record<string, string> = {};
    for (const attack of await page.locator('#attack-list li').all()) {
      await attack.getByRole('button').click();
      await attack.locator('.badge').waitFor();
      const [code = '', close] = (await attack.locator('[role=status]').innerText()).match(
        /^\w+|\d+$/g,
      )!;
      told[await attack.getByRole('button').innerText()] = close ? `${code} ${close}` : code;
    }
    expect(told).toEqual({
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
  });

  it('fits a narrow screen, keeps the connection in sight, and is used by keyboard alone', async () => {
    const page = await enter('alice');
    await page.setViewportSize({ width: 375, height: 700 });
    await page.getByText('What passed').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);

    const reached: string[] = [];
    const controls = await page
      .locator(':is(select, textarea, input, button, summary, #chat-log):visible')
      .count();
    for (let n = 0; n < controls; n++) {
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus-visible');
      // The body, between the last and the first.
      if ((await focused.count()) === 0) await page.keyboard.press('Tab');
      reached.push(await focused.evaluate(element => element.outerHTML));
      await expectUncovered(page);
    }
    expect(new Set(reached).size).toBe(controls);

    await page.locator('#attack-unsigned').focus();
    await page.keyboard.press('Enter');
    await page.locator('#attack-unsigned-result .badge').waitFor();
    expect(await page.locator('#attack-unsigned').evaluate(isFocused)).toBe(true);
    await page.getByText('What passed').focus();
    await page.keyboard.press('Enter');
    await page.getByText('An adapter of this library is installed').waitFor();
    const { y } = (await page.locator('#state').boundingBox()) ?? { y: -1 };
    expect(y).toBeGreaterThanOrEqual(0);
  });

  it('shows admins what was refused, counted, and the production checklist', async () => {
    const page = await enter('alice');
    const counts = page.locator('#security-counts');
    await page.getByText('Told by the server').waitFor();
    for (const name of ['Unsigned', 'Replay', 'Tamper'])
      await page.getByRole('button', { name }).click();
    await counts.getByRole('row', { name: 'refused INVALID_SIGNATURE 2' }).waitFor();
    await counts.getByRole('row', { name: 'refused REPLAY_DETECTED 1' }).waitFor();
    await page.getByRole('img', { name: '3 refused or closed' }).waitFor();
    const failed = page.locator('#checklist-items li').filter({ has: page.locator('.bad') });
    expect(await failed.locator('code').allInnerTexts()).toEqual(['tls', 'origins']);
  });

  it('tells everybody else that these are for admins', async () => {
    const page = await enter('bob');
    await page.getByText('The server’s answer to the subscription: FORBIDDEN').waitFor();
    await page.getByText('The server’s answer: 403').waitFor();
  });

  it('comes back after the server was restarted, and no message is lost or doubled', async () => {
    const [alice, bob] = await Promise.all([enter('alice'), enter('bob')]);
    await say(alice, 'before');
    await heard(bob, 'before');
    await quickstart.stop();
    await Promise.all([alice, bob].map(page => state(page, 'Connection lost')));
    await say(bob, 'while it is away');
    await alice.context().setOffline(true);
    await quickstart.restart();
    await heard(bob, 'while it is away');
    await alice.context().setOffline(false);
    // Unless she is back by herself before she can press it.
    const button = alice.getByRole('button', { name: 'Try now' });
    if (await button.isVisible()) await button.click({ timeout: 2_000 }).catch(() => undefined);
    await heard(alice, 'while it is away');
    await say(alice, 'after');
    for (const page of [alice, bob]) {
      await heard(page, 'after');
      expect(await messages(page)).toEqual([
        ['alice', 'before'],
        ['bob', 'while it is away'],
        ['alice', 'after'],
      ]);
    }
  });
});
