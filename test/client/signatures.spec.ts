import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import {
  canonicalize,
  type SemanticEvent,
  signEvent,
  verifyEvent,
} from '../../lib/client/index.js';
import { canonicalize as ofTheServer, signatureFor } from '../../lib/signing/index.js';
import { createSecretKey } from 'node:crypto';

const key = { id: 'k1', bytes: new TextEncoder().encode('k'.repeat(32)) };
const ofServer = { id: 'k1', key: createSecretKey(Buffer.from('k'.repeat(32))) };

const event = (data: unknown): SemanticEvent => ({
  specversion: '1.0',
  id: randomUUID(),
  type: 'a.b',
  source: 'c',
  time: '2026-11-23T10:00:00Z',
  semanticnonce: randomUUID(),
  data,
});

describe('signEvent and verifyEvent', () => {
  it.each(['c2s', 's2c'] as const)(
    'create and accept the signature of the server: %s',
    async direction => {
      const unsigned = event({ z: 1, a: ['ü', null] });
      const signed = await signEvent(unsigned, key, { direction });

      expect(signed).toEqual({
        ...unsigned,
        semanticsignature: signatureFor(unsigned, direction, ofServer),
      });
      expect(await verifyEvent(signed, key, { direction })).toBe(true);
    },
  );

  it.each<[string, (signed: SemanticEvent) => SemanticEvent]>([
    ['other data', signed => ({ ...signed, data: 2 })],
    ['one attribute more', signed => ({ ...signed, subject: 'x' })],
    [
      'a list with the signature',
      s => ({ ...s, semanticsignature: [s.semanticsignature] as unknown as string }),
    ],
    ['no signature', ({ semanticsignature: _, ...rest }) => rest],
    [
      'a signature that is cut off',
      s => ({ ...s, semanticsignature: s.semanticsignature!.slice(0, -4) }),
    ],
    [
      'the id of another key',
      s => ({ ...s, semanticsignature: s.semanticsignature!.replace('k1', 'k2') }),
    ],
    [
      'another scheme',
      s => ({ ...s, semanticsignature: s.semanticsignature!.replace('v1', 'v1e') }),
    ],
  ])('reject an event with %s', async (_, change) => {
    const signed = await signEvent(event(1), key, { direction: 's2c' });

    expect(await verifyEvent(change(signed), key)).toBe(false);
  });

  it('do not accept what a client signed as an event of the server', async () => {
    expect(await verifyEvent(await signEvent(event(1), key), key)).toBe(false);
  });

  it('do not sign what JSON cannot represent', async () => {
    await expect(signEvent(event({ n: NaN }), key)).rejects.toThrow('event.data.n is NaN');
  });
});

describe('canonicalize', () => {
  it('equals that of the server, and rejects what JSON cannot represent', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(canonicalize(value)).toBe(ofTheServer(value));
      }),
    );
    expect(() => canonicalize({ a: [undefined] })).toThrow('value.a.0 is Undefined');
  });
});
