import { type Code, factsOf } from './codes.js';
import { type Reason, RefusalError, textOf } from './errors.js';

export const NATIVE_PROTOCOL = 'semantic-events.v1';
/** @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/websockets-protocol-binding.md */
export const CLOUDEVENTS_PROTOCOL = 'cloudevents.json';

/** The beginning of a frame that holds an event. */
export const EVENT_ENVELOPE = '{"type":"event","event":';

export type Subprotocol = typeof NATIVE_PROTOCOL | typeof CLOUDEVENTS_PROTOCOL;

/** A client's frame whose outer form is valid. */
export type ClientFrame =
  | { kind: 'auth'; token: string }
  | { kind: 'event'; event: unknown }
  | ({ kind: 'subscribe' } & SubscriptionMembers)
  | ({ kind: 'unsubscribe' } & SubscriptionMembers)
  | { kind: 'ping' }
  /** Nest's own frame, `{"event":"name","data":…}`. */
  | { kind: 'nest'; name: string; data: unknown };

/** The members of a subscribe or unsubscribe frame, not validated yet. */
export interface SubscriptionMembers {
  readonly patterns: unknown;
  readonly since?: unknown;
  readonly signatures?: unknown;
  /** `own`: only events that are addressed to the client. */
  readonly scope?: unknown;
  readonly id?: unknown;
}

export interface AuthSuccess {
  type: 'auth_success';
  client_id: string;
  user_id: string;
  /** RFC 3339. */
  expires_at: string;
  signing: {
    scheme: 'v1';
    key_id: string;
    /** base64url, 32 bytes. */
    key: string;
    /** The public key of events that are signed once for all receivers. */
    broadcast?: { scheme: 'v1e'; key_id: string; /** base64url, 32 bytes. */ public_key: string };
  };
}

export type ServerFrame =
  | AuthSuccess
  /** The session ends in that many seconds; another auth frame renews it. */
  | { type: 'auth_expiring'; expires_in: number }
  /** Events behind the cursor follow. */
  | { type: 'subscribed'; patterns: readonly string[]; cursor: string; id?: string }
  /** Also sent unasked, when the server withdraws a right to listen. */
  | { type: 'unsubscribed'; patterns: readonly string[]; id?: string }
  /** Events before the cursor may be lost. */
  | { type: 'gap'; patterns: readonly string[]; cursor: string }
  | { type: 'pong'; time: string };

/**
 * Reads the outer form of a frame.
 *
 * @throws RefusalError `BAD_FRAME` if the value is none of the frames of PROTOCOL.md
 */
export function decodeFrame(text: string, subprotocol: Subprotocol): ClientFrame {
  const frame = parseObject(text);
  if ('specversion' in frame) return { kind: 'event', event: frame };
  const control = decodeControlFrame(frame);
  if (control) return control;
  if (subprotocol === NATIVE_PROTOCOL) {
    if (frame.type === 'event' && 'event' in frame) return { kind: 'event', event: frame.event };
    if (frame.type === undefined && typeof frame.event === 'string')
      return { kind: 'nest', name: frame.event, data: frame.data };
  }
  throw new RefusalError('BAD_FRAME', { reason: () => unknownFrameReason(frame) });
}

function unknownFrameReason({ type, event }: Record<string, unknown>): string {
  if (typeof type !== 'string') return 'the frame has neither a type nor a specversion';
  if (type === 'auth') return 'auth: token must be a string';
  return type === 'event' && event === undefined
    ? 'event: the frame has no member event'
    : `type "${type}" is not a frame of this sub-protocol`;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RefusalError('BAD_FRAME', { reason: 'the frame is not JSON' });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RefusalError('BAD_FRAME', { reason: 'the frame is not a JSON object' });
  return value as Record<string, unknown>;
}

function decodeControlFrame(frame: Record<string, unknown>): ClientFrame | undefined {
  switch (frame.type) {
    case 'auth':
      return typeof frame.token === 'string' ? { kind: 'auth', token: frame.token } : undefined;
    case 'subscribe':
      return {
        kind: 'subscribe',
        patterns: frame.patterns,
        since: frame.since,
        signatures: frame.signatures,
        scope: frame.scope,
        id: frame.id,
      };
    case 'unsubscribe':
      return { kind: 'unsubscribe', patterns: frame.patterns, id: frame.id };
    case 'ping':
      return { kind: 'ping' };
    default:
      return undefined;
  }
}

export function encodeFrame(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

/** The members that a handler of the application adds to the code `REJECTED`. */
export interface ClientRejection {
  /** An HTTP status from 400 to 499. */
  readonly status: number;
  readonly message: string;
  /** A word that programs can act on, such as `out-of-stock`. */
  readonly reason?: string;
}

/** The members of a refusal besides its code. */
export interface RefusalDetails {
  /** When trying again makes sense, in milliseconds. */
  retryAfter?: number;
  /** The `id` of the event that was refused. */
  id?: string;
  /** Why, for operators: clients never receive it, unless `errors` is `'verbose'`. */
  reason?: Reason;
  /** For `REJECTED`: the data that the application sends to the client. */
  rejection?: ClientRejection;
}

/**
 * Returns the members of a refusal as the client receives them, in every form of frame.
 *
 * @param isVerbose whether the client receives the reason, too
 */
export function describeRefusal(
  code: Code,
  { retryAfter, id, reason, rejection }: RefusalDetails = {},
  isVerbose = false,
) {
  const { status, message } = rejection ?? factsOf(code);
  return {
    code,
    status,
    message,
    reason: rejection?.reason ?? (isVerbose ? textOf(reason) : undefined),
    // Rounded up: a client that waits exactly this long must not come too early.
    retry_after: retryAfter === undefined ? undefined : Math.ceil(retryAfter) / 1000,
    id,
  };
}

/** `{"type":"error",…}` */
export function errorFrame(code: Code, details?: RefusalDetails, isVerbose?: boolean): string {
  return JSON.stringify({ type: 'error', ...describeRefusal(code, details, isVerbose) });
}

/** A refusal in Nest's own form: `{"event":"exception","data":{…}}`. */
export function exceptionFrame(code: Code, details?: RefusalDetails, isVerbose?: boolean): string {
  return JSON.stringify({ event: 'exception', data: describeRefusal(code, details, isVerbose) });
}
