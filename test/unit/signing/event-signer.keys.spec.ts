import type { Client } from '../../../lib/connection/index.js';
import type { SemanticEvent } from '../../../lib/event/index.js';
import type { SigningKeyOptions } from '../../../lib/options/index.js';
import { type AcceptedKeys, EventSigner } from '../../../lib/signing/index.js';
import { computeMac } from '../../../lib/signing/mac.js';
import { deriveSessionKey } from '../../../lib/signing/session-key.js';
import { formatSignature, signingInput } from '../../../lib/signing/signature.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const MINUTE = 60_000;
const OTHER_SECRET = 'another-secret-of-at-least-32-bytes';
const start = new FakeClock().now();
const at = (offset: number) => new Date(start + offset);
const newEvent = (): SemanticEvent => ({ specversion: '1.0', type: 'a', source: 'b', id: 'c' });

describe('EventSigner', () => {
  let clock: FakeClock;
  let client: Client;

  beforeEach(() => {
    clock = new FakeClock();
    client = clientAt('192.0.2.1');
  });

  const signerWith = (...keys: SigningKeyOptions[]) =>
    new EventSigner(resolvedOptions({ signing: { keys } }), clock);
  const main = { id: 'main', secret: MAIN_SECRET };
  const old = { id: 'old', secret: OTHER_SECRET };

  it.each<[AcceptedKeys, boolean, boolean]>([
    ['any', true, true],
    ['session', true, false],
    ['ring', false, true],
  ])("under keys: '%s' accepts session keys: %s, ring keys: %s", (keys, session, ring) => {
    const signer = signerWith(main);
    const byRing = signer.sign(newEvent(), { direction: 'c2s' });
    const { id } = signer.sessionKeyOf(client);
    const bySession = signer.sign(newEvent(), { client, direction: 'c2s' });
    const outcome = (event: SemanticEvent) =>
      refusalOf(() => signer.verify(event, { client, keys }));
    expect(outcome(bySession)).toBe(session ? undefined : 'INVALID_SIGNATURE');
    expect(outcome(byRing)).toBe(ring ? undefined : 'INVALID_SIGNATURE');
    expect(bySession.semanticsignature).toContain(id);
  });

  it('accepts a session key on its own connection only', () => {
    const signer = signerWith(main);
    const other = clientAt('192.0.2.1');
    signer.sessionKeyOf(client);
    signer.sessionKeyOf(other);
    const event = signer.sign(newEvent(), { client, direction: 'c2s' });
    expect(signer.verify(event, { client })).toBe(`s-${client.id}`);
    expect(refusalOf(() => signer.verify(event, { client: other }))).toBe('INVALID_SIGNATURE');
    expect(refusalOf(() => signer.verify(event))).toBe('INVALID_SIGNATURE');
  });

  it('accepts a session key under its own id only', () => {
    const signer = signerWith(main);
    signer.sessionKeyOf(client);
    const event = signer.sign(newEvent(), { client, direction: 'c2s' });
    const mac = event.semanticsignature.slice(-43);
    const semanticsignature = formatSignature(`s-${clientAt('::1').id}`, mac);
    expect(refusalOf(() => signer.verify({ ...event, semanticsignature }, { client }))).toBe(
      'INVALID_SIGNATURE',
    );
  });

  it('rejects a session key before one was created for the connection', () => {
    const signer = signerWith(main);
    const { id, key } = deriveSessionKey(signer.sessionKeyOf(clientAt('::1')).key, client.id);
    const event = signer.sign(newEvent(), { direction: 'c2s' });
    const semanticsignature = formatSignature(id, computeMac(key, signingInput(event, 'c2s')));
    expect(refusalOf(() => signer.verify({ ...event, semanticsignature }, { client }))).toBe(
      'INVALID_SIGNATURE',
    );
  });

  it('rejects a ring key under the id of a session key, and the other way round', () => {
    const signer = signerWith(main);
    const { id } = signer.sessionKeyOf(client);
    const byRing = signer.sign(newEvent(), { direction: 'c2s' });
    const bySession = signer.sign(newEvent(), { client, direction: 'c2s' });
    for (const [event, keyId] of [
      [byRing, id],
      [bySession, 'main'],
    ] as const) {
      const semanticsignature = formatSignature(keyId, event.semanticsignature.slice(-43));
      expect(refusalOf(() => signer.verify({ ...event, semanticsignature }, { client }))).toBe(
        'INVALID_SIGNATURE',
      );
    }
  });

  it('keeps the session key of a connection after the ring has rotated', () => {
    const signer = signerWith({ ...main, notBefore: at(MINUTE) }, old);
    const before = signer.sessionKeyOf(client);
    clock.advance(2 * MINUTE);
    expect(signer.sessionKeyOf(client).key.equals(before.key)).toBe(true);
    expect(signer.sign(newEvent()).semanticsignature).toMatch(/^v1\.main\./);
  });

  it('derives the session key from the signing key', () => {
    const expected = deriveSessionKey(signerWith(old).sessionKeyOf(client).key, 'unrelated');
    const derived = signerWith(old, main).sessionKeyOf(client);
    expect(derived.id).toBe(`s-${client.id}`);
    expect(derived.key.equals(signerWith(old).sessionKeyOf(client).key)).toBe(true);
    expect(derived.key.equals(signerWith(main, old).sessionKeyOf(client).key)).toBe(false);
    expect(derived.key.equals(expected.key)).toBe(false);
  });

  it('signs with the first key in force and verifies with every key in force', () => {
    const before = signerWith(old, main).sign(newEvent(), { direction: 'c2s' });
    const rotated = signerWith(main, old);
    expect(rotated.sign(newEvent()).semanticsignature).toMatch(/^v1\.main\./);
    expect(rotated.verify(before)).toBe('old');
  });

  it.each([
    ['before notBefore', -1, 'INVALID_SIGNATURE'],
    ['at notBefore', 0, undefined],
    ['at notAfter', MINUTE, undefined],
    ['after notAfter', MINUTE + 1, 'INVALID_SIGNATURE'],
  ])('verifies the signature of a key %s only if the key is in force', (_, offset, code) => {
    const event = signerWith(old).sign(newEvent(), { direction: 'c2s' });
    const limited = { ...old, notBefore: at(0), notAfter: at(MINUTE) };
    const signer = signerWith(main, limited);
    clock.setWall(start + offset);
    expect(refusalOf(() => signer.verify(event))).toBe(code);
  });

  it('throws UNAVAILABLE instead of signing insecurely while no key is in force', () => {
    const signer = signerWith({ ...main, notAfter: at(MINUTE) });
    clock.advance(MINUTE + 1);
    expect(refusalOf(() => signer.sign(newEvent()))).toBe('UNAVAILABLE');
    expect(refusalOf(() => signer.sessionKeyOf(client))).toBe('UNAVAILABLE');
  });
});
