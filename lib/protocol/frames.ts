import { type Code, factsOf } from './codes.js';
import { RefusalError } from './errors.js';

export const NATIVE_PROTOCOL = 'semantic-events.v1';
/** @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/websockets-protocol-binding.md */
export const CLOUDEVENTS_PROTOCOL = 'cloudevents.json';

/** How a frame of ours begins that holds an event. */
export const EVENT_ENVELOPE = '{"type":"event","event":';

export type Subprotocol = typeof NATIVE_PROTOCOL | typeof CLOUDEVENTS_PROTOCOL;

/** A frame a client has sent, as far as its outer form is known to be right. */
export type ClientFrame =
  | { kind: 'auth'; token: string }
  | { kind: 'event'; event: unknown }
  | ({ kind: 'subscribe' } & SubscriptionMembers)
  | ({ kind: 'unsubscribe' } & SubscriptionMembers)
  | { kind: 'ping' }
  /** Nest's own frame, `{"event":"name","data":…}`. */
  | { kind: 'nest'; name: string; data: unknown };

/** What a subscribe or unsubscribe frame may carry, as it came. */
export interface SubscriptionMembers {
  readonly patterns: unknown;
  readonly since?: unknown;
  readonly signatures?: unknown;
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
    /** What verifies events that are signed once for all who receive them. */
    broadcast?: { scheme: 'v1e'; key_id: string; /** base64url, 32 bytes. */ public_key: string };
  };
}

export type ServerFrame =
  | AuthSuccess
  /** The session ends in that many seconds; another auth frame renews it. */
  | { type: 'auth_expiring'; expires_in: number }
  /** Events behind the cursor follow. */
  | { type: 'subscribed'; patterns: readonly string[]; cursor: string; id?: string }
  /** Also sent unasked, when a right to listen is withdrawn. */
  | { type: 'unsubscribed'; patterns: readonly string[]; id?: string }
  /** Events before the cursor may be lost. */
  | { type: 'gap'; patterns: readonly string[]; cursor: string }
  | { type: 'pong'; time: string };

/**
 * Reads the outer form of a frame.
 *
 * @throws RefusalError `BAD_FRAME` for what is not one of the frames of PROTOCOL.md
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
  throw new RefusalError('BAD_FRAME');
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RefusalError('BAD_FRAME');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RefusalError('BAD_FRAME');
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

/** What a refusal tells besides its code. */
export interface RefusalDetails {
  /** When trying again makes sense, in milliseconds. */
  retryAfter?: number;
  /** The `id` of the event that was refused. */
  id?: string;
}

/** The members a refusal is told by, in every form of frame. */
export function describeRefusal(code: Code, { retryAfter, id }: RefusalDetails = {}) {
  const { status, message } = factsOf(code);
  return {
    code,
    status,
    message,
    // Rounded up: a client that waits exactly this long must not come too early.
    retry_after: retryAfter === undefined ? undefined : Math.ceil(retryAfter) / 1000,
    id,
  };
}

/** `{"type":"error",…}` */
export function errorFrame(code: Code, details?: RefusalDetails): string {
  return JSON.stringify({ type: 'error', ...describeRefusal(code, details) });
}

/** A refusal in Nest's own form: `{"event":"exception","data":{…}}`. */
export function exceptionFrame(code: Code, details?: RefusalDetails): string {
  return JSON.stringify({ event: 'exception', data: describeRefusal(code, details) });
}
