import { createSecretKey } from 'node:crypto';
import type { SemanticEvent } from '../../../lib/event/index.js';
import {
  broadcastInput,
  formatSignature,
  parseSignature,
  signatureFor,
  signingInput,
} from '../../../lib/signing/signature.js';
import { computeMac } from '../../../lib/signing/mac.js';

const MAC = 'abcdefghijklmnopqrstuvwxyz-_ABCDEFGHIJKLMNO';
const EVENT: SemanticEvent = {
  type: 'ui.click',
  specversion: '1.0',
  source: 'app',
  id: '1',
  data: { b: 2, a: 1 },
};

describe('signingInput', () => {
  it('is the version, the direction and the canonical event', () => {
    expect(signingInput(EVENT, 'c2s')).toBe(
      'v1.c2s.{"data":{"a":1,"b":2},"id":"1","source":"app","specversion":"1.0","type":"ui.click"}',
    );
  });

  it('differs by direction', () => {
    expect(signingInput(EVENT, 's2c')).toMatch(/^v1\.s2c\.\{/);
  });

  it('omits the signature of the event only', () => {
    const signed = { ...EVENT, semanticsignature: 'x', semanticsignature2: 'y' };
    expect(signingInput(signed, 'c2s')).toBe(
      signingInput({ ...EVENT, semanticsignature2: 'y' }, 'c2s'),
    );
  });

  it('covers a member of the data that is named like the signature', () => {
    const event = { ...EVENT, data: { semanticsignature: 'x' } };
    expect(signingInput(event, 'c2s')).toContain('"data":{"semanticsignature":"x"}');
  });

  it('does not change the event', () => {
    const signed = Object.freeze({ ...EVENT, semanticsignature: 'x' });
    signingInput(signed, 'c2s');
    expect(signed.semanticsignature).toBe('x');
  });
});

describe('broadcastInput', () => {
  it('is the input of an event of the server, in UTF-8', () => {
    expect(Buffer.from(broadcastInput('{"a":"é"}')).toString()).toBe('v1.s2c.{"a":"é"}');
  });
});

describe('signatureFor', () => {
  it('is the MAC of the signing input by the key, with its id', () => {
    const key = { id: 'k', key: createSecretKey(Buffer.alloc(32, 1)) };
    const mac = computeMac(key.key, signingInput(EVENT, 'c2s'));
    expect(signatureFor(EVENT, 'c2s', key)).toBe(`v1.k.${mac}`);
    expect(signatureFor(EVENT, 's2c', key)).not.toContain(mac);
  });
});

describe('parseSignature', () => {
  it.each(['k', 'main', 'A-b_9', 's-0b4a2a9e', 'k'.repeat(64)])(
    'parses what was formatted with the key id %s',
    keyId => {
      expect(parseSignature(formatSignature(keyId, MAC))).toEqual({ keyId, mac: MAC });
    },
  );

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 0],
    ['an array with a signature', [`v1.k.${MAC}`]],
    ['an object whose toString returns a signature', { toString: () => `v1.k.${MAC}` }],
    ['an empty string', ''],
    ['another version', `v2.k.${MAC}`],
    ['an upper-case version', `V1.k.${MAC}`],
    ['no version', `k.${MAC}`],
    ['no key id', `v1..${MAC}`],
    ['no MAC', 'v1.k.'],
    ['a key id of 65 characters', `v1.${'k'.repeat(65)}.${MAC}`],
    ['a delimiter in the key id', `v1.k.k.${MAC}`],
    ['a space in the key id', `v1.k k.${MAC}`],
    ['a non-ASCII letter in the key id', `v1.ключ.${MAC}`],
    ['a MAC of 42 characters', `v1.k.${MAC.slice(1)}`],
    ['a MAC of 44 characters', `v1.k.${MAC}A`],
    ['a padded MAC', `v1.k.${MAC}=`],
    ['a MAC in standard base64', `v1.k.${MAC.replace('-', '+').replace('_', '/')}`],
    ['a trailing line break', `v1.k.${MAC}\n`],
    ['a leading space', ` v1.k.${MAC}`],
    ['60 kB of dots', '.'.repeat(60_000)],
  ])('returns undefined for %s', (_, value) => {
    expect(parseSignature(value)).toBeUndefined();
  });
});
