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

  it.each(['c2s', 's2c'] as const)('signs %s by the letter of PROTOCOL.md', direction => {
    const text =
      `v1.${direction}.{"data":{"x":"€","y":1.5},"id":"fixed-id","semanticnonce":"0123456789abcdef",` +
      '"source":"app","specversion":"1.0","time":"2026-11-23T10:00:00Z","type":"ui.click"}';
    const mac = createHmac('sha256', MAIN_SECRET).update(text).digest('base64url');
    const { semanticsignature } = signer.sign(EVENT, { direction });
    expect(semanticsignature).toBe(`v1.main.${mac}`);
  });

  it('accepts what it has signed, and names the key', () => {
    expect(signer.verify(signed())).toBe('main');
  });

  it('accepts what it has signed after a trip through JSON in another order of members', () => {
    const sent = Object.fromEntries(Object.entries(signed()).reverse());
    expect(outcome(JSON.parse(JSON.stringify(sent)) as SemanticEvent)).toBeUndefined();
  });

  it('signs for the way to the client and verifies on the way to the server, unless told otherwise', () => {
    const reply = signer.sign(EVENT);
    expect(outcome(reply)).toBe('INVALID_SIGNATURE');
    expect(signer.verify(reply, { direction: 's2c' })).toBe('main');
    expect(refusalOf(() => signer.verify(signed(), { direction: 's2c' }))).toBe(
      'INVALID_SIGNATURE',
    );
  });

  it('signs an event that has a signature anew', () => {
    const forged = { ...EVENT, semanticsignature: `v1.main.${'A'.repeat(43)}` };
    expect(signed(forged)).toEqual(signed());
  });

  it.each([
    ['empty', ''],
    ['null', null],
    ['zero', 0],
    ['an array', []],
  ])('does not take a signature that is %s along into what it signs', (_, semanticsignature) => {
    const event = { ...EVENT, semanticsignature } as unknown as SemanticEvent;
    expect(signed(event).semanticsignature).toBe(signed().semanticsignature);
  });

  it('gives an event the time and a nonce of its own where it has none', () => {
    const bare: SemanticEvent = { specversion: '1.0', type: 'a', source: 'b', id: 'c' };
    const [one, two] = [signed(bare), signed(bare)];
    expect(one.time).toBe('2026-11-23T10:00:00.000Z');
    expect(one.semanticnonce).toMatch(/^[A-Za-z0-9_-]{16,128}$/);
    expect(two.semanticnonce).not.toBe(one.semanticnonce);
    expect(outcome(one)).toBeUndefined();
  });

  it('leaves the event it was given as it was', () => {
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
  ])('refuses to sign %s', (_, data) => {
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
  ])('refuses an event with %s as invalid', (_, members) => {
    const event = { ...signed(), ...members } as unknown as SemanticEvent;
    expect(outcome(event)).toBe('INVALID_EVENT');
  });

  it('signs for a client with its session key, once that is made', () => {
    const client = clientAt('192.0.2.1');
    expect(signer.sign(EVENT, { client }).semanticsignature).toMatch(/^v1\.main\./);
    const { id } = signer.sessionKeyOf(client);
    expect(signer.sign(EVENT, { client }).semanticsignature).toContain(`v1.${id}.`);
  });

  it('makes a key that the key ring takes as a secret', () => {
    const secret = EventSigner.generateKey();
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(() => resolvedOptions({ signing: { keys: [{ id: 'k', secret }] } })).not.toThrow();
  });
});
