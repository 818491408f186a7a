import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import type { SemanticEvent } from '../../../lib/event/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';

fc.configureGlobal({ seed: 20_261_128 });

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const EVENT: SemanticEvent = {
  specversion: '1.0',
  type: 'ui.click',
  source: 'app',
  id: 'fixed-id',
  time: '2026-11-23T10:00:00Z',
  subject: 'button',
  datacontenttype: 'application/json',
  dataschema: 'https://example.com/schema',
  data: { amount: 10, to: ['alice'] },
  semanticnonce: '0123456789abcdef',
  semanticintent: 'buy',
  semantictags: 'a,b',
  semanticcorrelationid: 'c1',
  traceparent: '00-abc',
  flag: true,
  count: 7,
};

const signer = new EventSigner(resolvedOptions(), new FakeClock());
const signed: SemanticEvent = Object.freeze(signer.sign(EVENT, { direction: 'c2s' }));
const signature = signed.semanticsignature!;
const mac = signature.slice(-43);

const outcome = (changes: object) => refusalOf(() => signer.verify({ ...signed, ...changes }));

/** Returns the same value with one change. */
const changed = (value: unknown): fc.Arbitrary<unknown> =>
  typeof value === 'string'
    ? fc.nat(value.length).map(at => `${value.slice(0, at)}~${value.slice(at)}`)
    : fc.jsonValue().filter(other => JSON.stringify(other) !== JSON.stringify(value));

describe('a signed event', () => {
  it('is accepted unchanged', () => {
    expect(outcome({})).toBeUndefined();
  });

  it.each(Object.keys(EVENT).filter(name => name !== 'time' && name !== 'semanticnonce'))(
    'is rejected if its %s is changed or removed',
    name => {
      expect(outcome({ [name]: undefined })).toBe('INVALID_SIGNATURE');
      fc.assert(
        fc.property(changed(EVENT[name]), value => {
          expect(outcome({ [name]: value })).toBe('INVALID_SIGNATURE');
        }),
        { numRuns: 50 },
      );
    },
  );

  it.each([
    ['nonce', { semanticnonce: '0123456789abcdeg' }],
    ['time by a millisecond', { time: '2026-11-23T10:00:00.001Z' }],
    ['time to another spelling of the same instant', { time: '2026-11-23T10:00:00.000Z' }],
    ['time to the same instant with another offset', { time: '2026-11-23T11:00:00+01:00' }],
  ])('is rejected if its %s is changed', (_, changes) => {
    expect(outcome(changes)).toBe('INVALID_SIGNATURE');
  });

  it('is rejected if a member is added, whatever its name', () => {
    const name = fc.stringMatching(/^[a-z0-9]{1,20}$/).filter(name => !(name in signed));
    fc.assert(
      fc.property(name, fc.jsonValue(), (name, value) => {
        expect(outcome({ [name]: value })).toBe('INVALID_SIGNATURE');
      }),
    );
  });

  it.each([
    ['gone', undefined],
    ['null', null],
    ['empty', ''],
    ['zero', 0],
    ['true', true],
    ['an empty array', []],
    ['in an array', [signature]],
    ['the MAC alone', mac],
    ['truncated', signature.slice(0, -1)],
    ['without its MAC', 'v1.main.'],
    ['padded', `${signature}=`],
    ['followed by a line break', `${signature}\n`],
    ['upper-cased', signature.toUpperCase()],
    ['with an upper-cased MAC', `v1.main.${mac.toUpperCase()}`],
    ['standard base64', `v1.main.${Buffer.from(mac, 'base64url').toString('base64')}`],
    ['hexadecimal', `v1.main.${Buffer.from(mac, 'base64url').toString('hex')}`],
    ['under an unknown key', `v1.other.${mac}`],
    ['under a key id in another case', `v1.Main.${mac}`],
    ['under a key id that is too long', `v1.${'main'.repeat(17)}.${mac}`],
    ['under a key id named like an object member', `v1.__proto__.${mac}`],
    ['of all zeros', `v1.main.${'A'.repeat(43)}`],
  ])('is rejected if its signature is %s', (_, semanticsignature) => {
    expect(outcome({ semanticsignature })).toBe('INVALID_SIGNATURE');
  });

  it('is rejected with any other spelling of the same MAC bytes', () => {
    const spare = BASE64URL.indexOf(mac.at(-1)!);
    for (const bits of [1, 2, 3]) {
      const variant = mac.slice(0, -1) + BASE64URL[spare ^ bits]!;
      expect(Buffer.from(variant, 'base64url')).toEqual(Buffer.from(mac, 'base64url'));
      expect(outcome({ semanticsignature: `v1.main.${variant}` })).toBe('INVALID_SIGNATURE');
    }
  });

  it('is rejected if any character of the MAC differs', () => {
    for (let at = 0; at < mac.length; at++) {
      const other = BASE64URL[BASE64URL.indexOf(mac[at]!) ^ 32]!;
      const semanticsignature = `v1.main.${mac.slice(0, at)}${other}${mac.slice(at + 1)}`;
      expect(outcome({ semanticsignature })).toBe('INVALID_SIGNATURE');
    }
  });

  it('is rejected with the signature of another event', () => {
    const { semanticsignature } = signer.sign({ ...EVENT, id: 'other' }, { direction: 'c2s' });
    expect(outcome({ semanticsignature })).toBe('INVALID_SIGNATURE');
  });

  it.each(['', 'v1.', 'c2s.', 'v0.c2s.', 'v1.s2c.', 'v1.C2S.'])(
    'is rejected with a MAC over the canonical form with the prefix %j',
    prefix => {
      const { data, ...rest } = EVENT;
      const text = JSON.stringify({ ...rest, data }, Object.keys(EVENT).sort());
      const mac = createHmac('sha256', MAIN_SECRET)
        .update(prefix + text)
        .digest('base64url');
      expect(outcome({ semanticsignature: `v1.main.${mac}` })).toBe('INVALID_SIGNATURE');
    },
  );
});
