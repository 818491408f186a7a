import { readFileSync } from 'node:fs';
import {
  CLIENT_DEFAULTS,
  SemanticEventsClient,
  type SemanticEventsClientOptions,
  SemanticEventsConfigError,
} from '../../lib/client/index.js';
import { resolveClientOptions } from '../../lib/client/client-options.js';
import { FakeSocket } from '../helpers/fake-socket.js';

const VALID: SemanticEventsClientOptions = {
  url: 'wss://myapp.com/events',
  getToken: () => 'token',
  WebSocket: FakeSocket,
};

function problemsOf(options: object): readonly string[] {
  try {
    new SemanticEventsClient({ ...VALID, ...options });
    return [];
  } catch (error) {
    if (error instanceof SemanticEventsConfigError) return error.problems;
    throw error;
  }
}

describe('the options of a client', () => {
  it('have the defaults their doc comments say', () => {
    const source = readFileSync('lib/client/client-options.ts', 'utf8');
    const documented = [...source.matchAll(/@default ([\d_]+)\s*\*\/\s*(\w+)\?:/g)].map(
      ([, value = '', name]) => [name, Number(value.replaceAll('_', ''))] as const,
    );

    expect(Object.fromEntries(documented)).toEqual(CLIENT_DEFAULTS);
    expect(resolveClientOptions(VALID)).toMatchObject(CLIENT_DEFAULTS);
  });

  it('are told all that is wrong with them at once', () => {
    const wrong = { url: 'nowhere', getToken: 'token', backoff: 0, retries: 3, WebSocket: {} };

    expect(problemsOf(wrong)).toEqual([
      'retries is not an option',
      'backoff must be a whole number above 0',
      'getToken must be a function',
      'WebSocket must be a function',
      'url must be the address of a WebSocket',
    ]);
  });

  it.each(Object.keys(CLIENT_DEFAULTS))(
    'take whole numbers that a timer can wait for as %s',
    name => {
      for (const value of [-1, 1.5, NaN, Infinity, 2 ** 31, '1', null, 0n])
        expect(problemsOf({ [name]: value })).toEqual([`${name} must be a whole number above 0`]);
      expect(problemsOf({ [name]: 1 })).toEqual([]);
      expect(problemsOf({ [name]: 0 })).toHaveLength(name === 'pingInterval' ? 0 : 1);
    },
  );

  it('that are undefined are left out', () => {
    const options = { source: undefined, backoff: undefined, clock: undefined };

    expect(resolveClientOptions({ ...VALID, ...options })).toMatchObject(CLIENT_DEFAULTS);
  });

  it('are not changed, and not followed when they change', async () => {
    const options = Object.freeze({ ...VALID });

    expect(() => new SemanticEventsClient(options)).not.toThrow();
  });

  it.each([
    ['ws://a.test/events', 'ws://a.test/events'],
    ['wss://a.test/events?room=1', 'wss://a.test/events?room=1'],
    ['http://a.test/events', 'ws://a.test/events'],
    ['https://a.test', 'wss://a.test/'],
  ])('take %s as an address', (url, expected) => {
    expect(resolveClientOptions({ ...VALID, url }).url).toBe(expected);
    expect(resolveClientOptions({ ...VALID, url: new URL(url) }).url).toBe(expected);
  });

  it.each(['', '/events', 'ftp://a.test', 'javascript:alert(1)', undefined, null, 5])(
    'take %p for no address where there is no page',
    url => {
      expect(problemsOf({ url })).toEqual(['url must be the address of a WebSocket']);
    },
  );

  it('need a WebSocket where there is no global one', () => {
    const hasOne = typeof globalThis.WebSocket === 'function';

    expect(problemsOf({ WebSocket: undefined })).toEqual(
      hasOne ? [] : ['WebSocket must be a function'],
    );
  });
});
