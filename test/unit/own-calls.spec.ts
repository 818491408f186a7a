import {
  createEvent,
  EventSigner,
  InvalidArgumentError,
  RefusedCallError,
  reply,
} from '../../lib/index.js';
import { Client } from '../../lib/connection/index.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { startMesh } from '../helpers/mesh-app.js';
import { resolvedOptions } from '../helpers/resolved-options.js';

const clock = new FakeClock();
const signer = new EventSigner(resolvedOptions(), clock);
const init = { type: 'demo.echo', source: 'app' };

/** Returns what a call throws, synchronously or not. */
async function errorOf(call: () => unknown): Promise<Error & { code: string }> {
  try {
    await call();
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error('the call did not throw');
}

describe("an invalid argument of an application's call", () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'createEvent',
      () => createEvent({ ...init, type: '' }),
      /^createEvent: type must be a non-empty string/,
    ],
    ['createEvent', () => createEvent({ type: 'a' } as never), /^createEvent: source is missing$/],
    [
      'createEvent',
      () => createEvent({ ...init, 'my-ext': 1 }),
      /^createEvent: attribute name "my-ext" must be 1 to 64 of a-z 0-9$/,
    ],
    [
      'createEvent',
      () => createEvent({ ...init, time: 'noon' }),
      /^createEvent: time must be an RFC 3339 date-time/,
    ],
    [
      'createEvent',
      () => createEvent({ ...init, datacontenttype: 'json' }),
      /^createEvent: datacontenttype must be a media type, such as/,
    ],
    [
      'sign',
      () => signer.sign({ ...init, source: 'a b' }),
      /^EventSigner\.sign: source must be a URI reference$/,
    ],
    [
      'signToText',
      () => signer.signToText({ ...init, type: '' }),
      /^EventSigner\.signToText: type must be/,
    ],
    [
      'reply',
      () => reply({ type: '' }),
      /^reply\(\): type must be a string of 1 to 256 characters/,
    ],
  ])(
    'of %s is named with the rule, and the stack has the line of the call',
    async (_, call, message) => {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.message).toMatch(message);
      expect(error.stack).toMatch(/own-calls\.spec/);
    },
  );

  it('of the mesh is named, and nothing is published', async () => {
    const { mesh } = await startMesh();
    const calls = {
      'EventMesh.emit: type must be a string of 1 to 256': () => mesh.emit('', 1),
      'EventMesh.emitTo: type must be a string of 1 to 256': () =>
        mesh.emitTo({ user: 'alice' }, '', 1),
      'EventMesh.publish: source must be a URI reference': () =>
        mesh.publish({ type: 'a', source: 'a b' }),
    };
    for (const [message, call] of Object.entries(calls)) {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.message).toContain(message);
      expect(error.stack).toMatch(/own-calls\.spec/);
    }
    expect(mesh.stats().published).toBe(0);
  });
});

describe('a rejected call of the application', () => {
  it.each<[string, string, () => unknown, RegExp]>([
    [
      'the direction',
      'INVALID_SIGNATURE',
      () => signer.verify(signer.sign(init)),
      /^EventSigner\.verify: direction s2c where c2s was expected \(the server signed it\)/,
    ],
    [
      'a missing nonce',
      'INVALID_EVENT',
      () => signer.verify(createEvent(init)),
      /^EventSigner\.verify: time is \d+ s |^EventSigner\.verify: semanticnonce is missing/,
    ],
    [
      'the age',
      'EVENT_EXPIRED',
      () => signer.verify({ ...signer.sign(init), time: '2020-01-01T00:00:00Z' }),
      /^EventSigner\.verify: time is \d+ s old/,
    ],
    [
      'the key',
      'INVALID_SIGNATURE',
      () =>
        signer.verify({ ...signer.sign(init), semanticsignature: `v1.other.${'A'.repeat(43)}` }),
      /^EventSigner\.verify: key id "other" is unknown/,
    ],
    [
      'the session',
      'UNAUTHENTICATED',
      () => signer.sign(init, { client: new Client({ address: '::1', url: '', headers: {} }, 0) }),
      /^EventSigner\.sign: .*session key/,
    ],
  ])('names %s, with a stack', async (_, code, call, message) => {
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(RefusedCallError);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.stack).toContain(error.message);
    expect(error.stack).toMatch(/own-calls\.spec/);
  });

  it('does not include what the server signed, verified as such', () => {
    expect(signer.verify(signer.sign(init), { direction: 's2c' })).toBe(signer.keys[0]!.id);
  });

  it('to join a room names the rule', async () => {
    const { mesh } = await startMesh();
    const client = new Client({ address: '::1', url: '', headers: {} }, 0);
    const error = await errorOf(() => mesh.join(client, 'room'));
    expect(error).toBeInstanceOf(RefusedCallError);
    expect(error.code).toBe('FORBIDDEN');
    expect(error.message).toBe(
      'EventMesh.join: the application has no EventAuthorizer with canJoin',
    );
    expect(error.stack).toContain(error.message);
  });
});
