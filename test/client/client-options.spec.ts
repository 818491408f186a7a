import { readFileSync } from 'node:fs';
import {
  CLIENT_DEFAULTS,
  SemanticEventsClient,
  type SemanticEventsClientError,
  type SemanticEventsClientOptions,
} from '../../lib/client/index.js';
import { resolveClientOptions, socketUrl } from '../../lib/client/client-options.js';
import { FakeSocket } from '../helpers/fake-socket.js';

const VALID: SemanticEventsClientOptions = {
  url: 'wss://myapp.com/events',
  getToken: () => 'token',
  WebSocket: FakeSocket,
};

/** Returns the problems that `connect()` reports. Closes a client without problems. */
async function problemsOf(options: object): Promise<readonly string[]> {
  const client = new SemanticEventsClient({ ...VALID, ...options });
  const connected = client.connect();
  client.close();
  const error = await connected.catch((e: unknown) => e as SemanticEventsClientError);
  return 'problems' in error && error.problems ? error.problems : [];
}

describe('client options', () => {
  it('have the documented defaults', () => {
    const source = readFileSync('lib/client/client-options.ts', 'utf8');
    const documented = [...source.matchAll(/@default ([\d_]+)\s*\*\/\s*(\w+)\?:/g)].map(
      ([, value = '', name]) => [name, Number(value.replaceAll('_', ''))] as const,
    );

    expect(Object.fromEntries(documented)).toEqual(CLIENT_DEFAULTS);
    expect(resolveClientOptions(VALID)).toMatchObject(CLIENT_DEFAULTS);
  });

  it('are validated by connect(), which reports all problems in one error', async () => {
    const wrong = { url: 'nowhere', getToken: 'token', backoff: 0, retries: 3, WebSocket: {} };
    const client = new SemanticEventsClient({ ...VALID, ...wrong } as never);
    const problems = [
      'backoff must be a whole number above 0',
      'retries is not an option',
      'getToken must be a function',
      'WebSocket must be a function',
      'url must be the address of a WebSocket',
    ];

    await expect(client.connect()).rejects.toMatchObject({
      name: 'SemanticEventsClientError',
      code: 'INVALID_CONFIG',
      retryable: false,
      problems,
      message: `SemanticEventsClient cannot connect:\n${problems.join('\n')}`,
    });
    expect(client.state).toBe('idle');
  });

  it.each([undefined, null, {}, { url: 5, clock: null, crypto: {} }])(
    'never make the constructor throw: %p',
    async options => {
      const client = new SemanticEventsClient(options as never);

      await expect(client.connect()).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    },
  );

  it.each(Object.keys(CLIENT_DEFAULTS))(
    'require a whole number that a timer can wait for as %s',
    async name => {
      for (const value of [-1, 1.5, NaN, Infinity, 2 ** 31, '1', null, 0n])
        expect(await problemsOf({ [name]: value })).toEqual([
          `${name} must be a whole number above 0`,
        ]);
      expect(await problemsOf({ [name]: 1 })).toEqual([]);
      expect(await problemsOf({ [name]: 0 })).toHaveLength(name === 'pingInterval' ? 0 : 1);
    },
  );

  it.each([
    ['clock', { now: 1 }, ['clock.now', 'clock.after']],
    ['crypto', { hmac: 1 }, ['crypto.hmac', 'crypto.randomBytes']],
    ['random', 0.5, ['random']],
    ['wakeSource', {}, ['wakeSource']],
    ['transport', 'ws', ['WebSocket']],
  ])(
    'require for %s an object with the functions that the client calls',
    async (name, value, functions) => {
      expect(await problemsOf({ [name]: value })).toEqual(
        functions.map(missing => `${missing} must be a function`),
      );
    },
  );

  it('use the default if undefined', () => {
    const options = { source: undefined, backoff: undefined, clock: undefined };

    expect(resolveClientOptions({ ...VALID, ...options })).toMatchObject(CLIENT_DEFAULTS);
  });

  it('are copied', async () => {
    const options = { ...VALID };
    const client = new SemanticEventsClient(Object.freeze({ ...VALID }));
    const other = new SemanticEventsClient(options);
    options.url = 'nowhere';
    const connected = [client.connect(), other.connect()];
    client.close();
    other.close();

    for (const promise of connected)
      await expect(promise).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it.each([
    ['ws://a.test/events', 'ws://a.test/events'],
    ['wss://a.test/events?room=1', 'wss://a.test/events?room=1'],
    ['http://a.test/events', 'ws://a.test/events'],
    ['HTTPS://a.test/', 'wss://a.test/'],
  ])('accept %s as an address', (url, expected) => {
    expect(socketUrl(url)).toBe(expected);
    expect(socketUrl(new URL(url))).toBe(expected);
  });

  it('leave an absolute address as it is, whatever the URL class of the environment does', () => {
    class SlashingUrl {
      readonly href: string;
      constructor(url: string) {
        this.href = `${url}/`;
      }
    }
    const { URL } = globalThis;
    globalThis.URL = SlashingUrl as never;
    try {
      expect(socketUrl('https://a.test/events')).toBe('wss://a.test/events');
    } finally {
      globalThis.URL = URL;
    }
  });

  it.each(['', '/events', 'ftp://a.test', 'javascript:alert(1)', undefined, null, 5])(
    'reject %p as an address outside a page',
    async url => {
      expect(await problemsOf({ url })).toEqual(['url must be the address of a WebSocket']);
    },
  );

  it('require a WebSocket if there is no global one', async () => {
    const hasOne = typeof globalThis.WebSocket === 'function';

    expect(await problemsOf({ WebSocket: undefined })).toEqual(
      hasOne ? [] : ['WebSocket must be a function'],
    );
  });
});
