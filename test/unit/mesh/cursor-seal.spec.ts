import { CursorSeal } from '../../../lib/mesh/index.js';
import type { SigningKeyOptions } from '../../../lib/options/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const CURSOR = '0a1b2c.1795888800000-8388607';
const BEGINNING = '000000.0-0';
const OLD = { id: 'old', secret: 'o'.repeat(32) };
const NEW = { id: 'new', secret: 'n'.repeat(32) };

function sealed(keys: SigningKeyOptions[] = [OLD], clock = new FakeClock()) {
  const signer = new EventSigner(resolvedOptions({ signing: { keys } }), clock);
  return { signer, seal: new CursorSeal(signer, clock) };
}

describe('CursorSeal', () => {
  it('opens to the sealed cursor on every node with the same key ring', () => {
    const text = sealed().seal.seal(CURSOR);
    expect(text).toMatch(/^[A-Za-z0-9_-]{59}$/);
    expect(sealed().seal.open(text)).toBe(CURSOR);
  });

  it('seals the same cursor differently each time', () => {
    const { seal } = sealed();
    const texts = Array.from({ length: 1_000 }, () => seal.seal(CURSOR));
    expect(new Set(texts).size).toBe(1_000);
    expect(texts.every(text => seal.open(text) === CURSOR)).toBe(true);
  });

  it('encrypts with another key in each minute, so that no key meets its limit of 2^32 nonces', () => {
    const clock = new FakeClock();
    const { seal } = sealed([OLD], clock);
    const minuteOf = (text: string) => Buffer.from(text, 'base64url').readUInt32BE();
    const inMinute = (text: string, minute: number) => {
      const bytes = Buffer.from(text, 'base64url');
      bytes.writeUInt32BE(minute);
      return bytes.toString('base64url');
    };
    const texts = Array.from({ length: 3 }, () => {
      const text = seal.seal(CURSOR);
      clock.advance(60_000);
      return text;
    });
    const minutes = texts.map(minuteOf);
    expect(minutes).toEqual([minutes[0]!, minutes[0]! + 1, minutes[0]! + 2]);
    for (const text of texts)
      for (const minute of minutes) {
        const isOwn = minute === minuteOf(text);
        // The key of another minute does not open it.
        expect(seal.open(inMinute(text, minute))).toBe(isOwn ? CURSOR : BEGINNING);
      }
  });

  it('opens while its key is in the ring, and not after', () => {
    const { signer, seal } = sealed();
    const text = seal.seal(CURSOR);
    signer.rotate([NEW, OLD]);
    expect(seal.open(text)).toBe(CURSOR);
    signer.rotate([NEW]);
    expect(seal.open(text)).toBe(BEGINNING);
  });

  it('opens while its key is in force, and not after', () => {
    const clock = new FakeClock();
    const { seal } = sealed([{ ...OLD, notAfter: new Date(clock.now() + 1_000) }, NEW], clock);
    const text = seal.seal(CURSOR);
    clock.advance(1_000);
    expect(seal.open(text)).toBe(CURSOR);
    clock.advance(1);
    expect(seal.open(text)).toBe(BEGINNING);
  });

  it('opens to the beginning if any one character was changed', () => {
    const { seal } = sealed();
    const text = seal.seal(CURSOR);
    for (let at = 0; at < text.length - 1; at++) {
      const changed = text[at] === 'A' ? 'B' : 'A';
      const forged = text.slice(0, at) + changed + text.slice(at + 1);
      expect([at, seal.open(forged)]).toEqual([at, BEGINNING]);
    }
  });

  it.each(['', '0-0', CURSOR, 'A'.repeat(59), 'A'.repeat(60), '!'.repeat(59)])(
    'opens %j, which is not sealed, to the beginning',
    text => {
      expect(sealed().seal.open(text)).toBe(BEGINNING);
    },
  );
});
