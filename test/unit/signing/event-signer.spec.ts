import { createHmac } from 'node:crypto';
import type { SemanticEvent } from '../../../lib/event/index.js';
import { EventSigner } from '../../../lib/signing/index.js';
import { clientAt } from '../../helpers/ws-context.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { MAIN_SECRET, resolvedOptions } from '../../helpers/resolved-options.js';

const EVENT: SemanticEvent = {
  specversion: '1.0',
  type: 'ui.click',
  source: 'app',
  id: 'fixed-id',
  time: '2026-11-23T10:00:00Z',
  data: { y: 1.5, x: '€' },
  semanticnonce: '0123456789abcdef',
};

describe('EventSigner', () => {
  let clock: FakeClock;
  let signer: EventSigner;

  beforeEach(() => {
    clock = new FakeClock();
    signer = new EventSigner(resolvedOptions(), clock);
  });

  const outcome = (event: SemanticEvent) => refusalOf(() => signer.verify(event));
  const signed = (event = EVENT) => signer.sign(event, { direction: 'c2s' });

  it.each(['c2s', 's2c'] as const)('signs %s exactly as PROTOCOL.md says', direction => {
    const text =
      `v1.${direction}.{"data":{"x":"€","y":1.5},"id":"fixed-id","semanticnonce":"0123456789abcdef",` +
      '"source":"app","specversion":"1.0","time":"2026-11-23T10:00:00Z","type":"ui.click"}';
    const mac = createHmac('sha256', MAIN_SECRET).update(text).digest('base64url');
    const { semanticsignature } = signer.sign(EVENT, { direction });
    expect(semanticsignature).toBe(`v1.main.${mac}`);
  });

  it('verifies what it has signed, and returns the key id', () => {
    expect(signer.verify(signed())).toBe('main');
  });

  it('verifies what it has signed after JSON with another member order', () => {
    const sent = Object.fromEntries(Object.entries(signed()).reverse());
    expect(outcome(JSON.parse(JSON.stringify(sent)) as SemanticEvent)).toBeUndefined();
  });

  it('signs for the client and verifies for the server by default', () => {
    const reply = signer.sign(EVENT);
    expect(outcome(reply)).toBe('INVALID_SIGNATURE');
    expect(signer.verify(reply, { direction: 's2c' })).toBe('main');
    expect(refusalOf(() => signer.verify(signed(), { direction: 's2c' }))).toBe(
      'INVALID_SIGNATURE',
    );
  });

  it('replaces an existing signature', () => {
    const forged = { ...EVENT, semanticsignature: `v1.main.${'A'.repeat(43)}` };
    expect(signed(forged)).toEqual(signed());
  });

  it.each([
    ['empty', ''],
    ['null', null],
    ['zero', 0],
    ['an array', []],
  ])('does not include a signature that is %s in what it signs', (_, semanticsignature) => {
    const event = { ...EVENT, semanticsignature } as unknown as SemanticEvent;
    expect(signed(event).semanticsignature).toBe(signed().semanticsignature);
  });

  it('adds a time and a unique nonce if missing', () => {
    const bare: SemanticEvent = { specversion: '1.0', type: 'a', source: 'b', id: 'c' };
    const [one, two] = [signed(bare), signed(bare)];
    expect(one.time).toBe('2026-11-23T10:00:00.000Z');
    expect(one.semanticnonce).toMatch(/^[A-Za-z0-9_-]{16,128}$/);
    expect(two.semanticnonce).not.toBe(one.semanticnonce);
    expect(outcome(one)).toBeUndefined();
  });

  it('does not change the given event', () => {
    const event = Object.freeze({ ...EVENT });
    signed(event);
    expect(event).toEqual(EVENT);
  });

  it.each([
    [
      'a cycle',
      () => {
        const a: unknown[] = [];
        a.push(a);
        return a;
      },
    ],
    ['a number that is not finite', () => NaN],
    ['a bigint', () => 1n],
  ])('throws a TypeError when signing %s', (_, data) => {
    expect(() => signed({ ...EVENT, data: data() })).toThrow(TypeError);
  });

  it.each([
    ['no time', { time: undefined }],
    ['a numeric time', { time: 1795428000000 }],
    ['a time without offset', { time: '2026-11-23T10:00:00' }],
    ['no nonce', { semanticnonce: undefined }],
    ['a short nonce', { semanticnonce: '0123456789abcde' }],
    ['a nonce that is not a string', { semanticnonce: ['0123456789abcdef'] }],
    ['data without a canonical form', { data: '\ud800' }],
  ])('rejects an event with %s as invalid', (_, members) => {
    const event = { ...signed(), ...members } as unknown as SemanticEvent;
    expect(outcome(event)).toBe('INVALID_EVENT');
  });

  it('signs for a client with its session key, and throws before that is created', () => {
    const client = clientAt('192.0.2.1');
    expect(() => signer.sign(EVENT, { client })).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }) as Error,
    );
    const { id } = signer.sessionKeyOf(client);
    expect(signer.sign(EVENT, { client }).semanticsignature).toContain(`v1.${id}.`);
  });

  it('generates a key that is valid as a secret', () => {
    const secret = EventSigner.generateKey();
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(() => resolvedOptions({ signing: { keys: [{ id: 'k', secret }] } })).not.toThrow();
  });
});
