import {
  CODES,
  type Code,
  createEvent,
  type EventSigner,
  isExpired,
  matchesPattern,
  RefusalError,
  RefusalException,
  type SemanticEvent,
  type SemanticEventInit,
  type SignedSemanticEvent,
  validateEvent,
} from '../../lib/index.js';
import type { Equal } from './equal.js';

declare const signer: EventSigner;
declare const unknown: unknown;

/** Never called: only its types are checked. */
export function events() {
  const click = createEvent({ type: 'click', source: 'app', data: { x: 1 } });
  const signed = signer.sign(click);
  const isEvent: Equal<typeof click, SemanticEvent<{ x: number }>> = true;
  const isSigned: Equal<typeof signed, SignedSemanticEvent<{ x: number }>> = true;
  const time: Equal<typeof click.time, string | undefined> = true;
  const signedTime: Equal<typeof signed.time, string> = true;
  const extension: Equal<typeof click.myextension, unknown> = true;
  const keyId: string = signer.verify(signed, { keys: 'ring', direction: 's2c' });

  // A signed event is an event, but not the other way round.
  const event: SemanticEvent = signed;
  // @ts-expect-error it has no signature
  const forged: SignedSemanticEvent = click;
  // @ts-expect-error data has another type
  const other: SemanticEvent<string> = click;
  // @ts-expect-error a type is required
  createEvent({ source: 'app' });
  // @ts-expect-error a source is required
  createEvent({ type: 'click' });
  // @ts-expect-error there is only one version
  createEvent({ type: 'click', source: 'app', specversion: '0.3' });
  // @ts-expect-error a time is RFC 3339
  createEvent({ type: 'click', source: 'app', time: new Date() });
  // @ts-expect-error tags are one string, not a list
  const tagged: SemanticEventInit = { type: 'a', source: 'b', semantictags: ['a'] };
  // @ts-expect-error there is no such direction
  signer.sign(click, { direction: 'up' });
  // @ts-expect-error times are milliseconds
  isExpired(click, { now: new Date() });

  validateEvent(unknown);
  // A validated value is an event from here on.
  const validated: SemanticEvent = unknown;
  const matches: boolean = matchesPattern(validated.type, 'ui.**');
  return {
    isEvent,
    isSigned,
    time,
    signedTime,
    extension,
    keyId,
    event,
    forged,
    other,
    tagged,
    matches,
  };
}

export function refusals() {
  const code: Code = new RefusalError('RATE_LIMITED', 5).code;
  const status: 429 = CODES.RATE_LIMITED.status;
  // @ts-expect-error there is no such code
  throw new RefusalException('TEAPOT', [code, status]);
}
