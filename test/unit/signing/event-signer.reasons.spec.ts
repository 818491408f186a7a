import type { SemanticEvent } from '../../../lib/event/index.js';
import { RefusalError, RefusedCallError, textOf } from '../../../lib/protocol/index.js';
import { EventSigner, type VerifyOptions } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const clock = new FakeClock();
const signer = new EventSigner(resolvedOptions(), clock);
const signed = signer.sign({ type: 'a', source: 's' }, { direction: 'c2s' });
const mac = signed.semanticsignature.slice(-43);

const errorOf = (call: () => unknown) => {
  try {
    return call();
  } catch (error) {
    return error as RefusalError;
  }
};
const reasonOf = (changes: Partial<SemanticEvent>, options?: VerifyOptions) => {
  const error = errorOf(() => signer.verifyScope({ ...signed, ...changes }, options));
  return textOf((error as RefusalError).reason);
};

describe('EventSigner tells operators', () => {
  it.each<[string, Partial<SemanticEvent>, string]>([
    ['a missing signature', { semanticsignature: undefined }, 'semanticsignature is missing'],
    [
      'an unknown key',
      { semanticsignature: `v1.other.${mac}` },
      'key id "other" is unknown, or its key is not in force',
    ],
    ['another text', { data: 1 }, 'MAC differs (canonical text: '],
    ['an event that is too old', { time: '2020-01-01T00:00:00Z' }, 'signing.maxAge'],
    ['data without a canonical form', { data: '\ud800' }, 'the event has no canonical form'],
  ])('why it refuses %s', (_, changes, reason) => {
    expect(reasonOf(changes)).toContain(reason);
  });

  it('why it refuses a key that the caller does not accept', () => {
    expect(reasonOf({}, { keys: 'session' })).toBe('the handler accepts the session key only');
  });

  it('why no key can sign', () => {
    expect(errorOf(() => signer.signFor(clientAt('192.0.2.1'), Buffer.of()))).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'the client has no session key: it is not authenticated',
    });
    const none = new EventSigner(resolvedOptions(), clock);
    const notBefore = new Date(clock.now() + 1);
    none.rotate([
      { id: 'main', secret: 'x'.repeat(32) },
      { id: 'next', secret: 'y'.repeat(32), notBefore },
    ]);
    none.rotate([{ id: 'now', secret: 'x'.repeat(32), notAfter: new Date(clock.now()) }]);
    clock.advance(1);
    expect(errorOf(() => none.sessionKeyOf(clientAt('192.0.2.1')))).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'no key of signing.keys is in force',
    });
  });
});

describe('a call of EventSigner by the application', () => {
  it.each<[string, () => unknown]>([
    ['EventSigner.verify', () => signer.verify({ ...signed, data: 1 })],
    [
      'EventSigner.sign',
      () => signer.sign({ type: 'a', source: 's' }, { client: clientAt('192.0.2.1') }),
    ],
    [
      'EventSigner.signToText',
      () => signer.signToText({ type: 'a', source: 's' }, { client: clientAt('192.0.2.1') }),
    ],
  ])('%s fails with an error that names it', (name, call) => {
    const error = errorOf(call) as Error;
    expect(error).toBeInstanceOf(RefusedCallError);
    expect(error.message.startsWith(`${name}: `)).toBe(true);
  });

  it('names an invalid argument, and passes on what is not its own', () => {
    expect(errorOf(() => signer.signToText({ type: '', source: 's' }))).toMatchObject({
      message: expect.stringMatching(/^EventSigner\.signToText: type must be/) as string,
    });
    const clockOff = new EventSigner(resolvedOptions(), {
      now: () => {
        throw new TypeError('the clock fails');
      },
    } as unknown as FakeClock);
    expect(errorOf(() => clockOff.verify(signed))).toEqual(new TypeError('the clock fails'));
  });
});
