import {
  type FrameForm,
  isPlainJson,
  receiveEvent,
  type SemanticEvent,
  withJson,
} from '../event/index.js';
import { eventIdOf } from '../handler/index.js';
import {
  type ClientFrame,
  type Code,
  decodeFrame,
  RefusalError,
  type RefusalDetails,
  type ServerFrame,
  type Subprotocol,
} from '../protocol/index.js';
import type { Client } from '../connection/index.js';
import type { ConnectionServices } from './connection-services.js';
import type { MessageRouter } from './message-router.js';
import { eventJsonIn, nestJsonIn } from './subprotocol.js';

export type SubscriptionFrame = Extract<ClientFrame, { kind: 'subscribe' | 'unsubscribe' }>;

/** Who gets what the frames of one client say. */
export interface FrameReceiver {
  readonly client: Client;
  readonly services: ConnectionServices;
  readonly subprotocol: Subprotocol;
  readonly router: MessageRouter;
  readonly isAnonymous: boolean;
  tell(frame: ServerFrame): void;
  authenticate(token: string): void;
  subscribe(frame: SubscriptionFrame): void;
  refuse(code: Code, details?: RefusalDetails, form?: FrameForm, eventType?: string): void;
}

/**
 * Reads a message, and brings what it says to whom it is for.
 *
 * @throws RefusalError `BAD_FRAME`
 */
export function readFrame(message: Buffer, to: FrameReceiver): void {
  const text = message.toString('utf8');
  const frame = decodeFrame(text, to.subprotocol);
  switch (frame.kind) {
    case 'ping':
      to.tell({ type: 'pong', time: new Date(to.services.clock.now()).toISOString() });
      return;
    case 'auth':
      to.authenticate(frame.token);
      return;
    case 'event':
      if (!isSpent(typeOf(frame.event), frame.event, 'event', to))
        takeEvent(frame.event, message, text, to);
      return;
    case 'nest':
      if (!isSpent(frame.name, frame.data, 'nest', to))
        takeNestFrame(frame.name, frame.data, message, to);
      return;
    case 'subscribe':
    case 'unsubscribe':
      if (to.isAnonymous) to.refuse('UNAUTHENTICATED');
      else to.subscribe(frame);
  }
}

/** Refuses what is known to go over the limit of its only handler, before anything else is looked at. */
function isSpent(name: unknown, data: unknown, form: FrameForm, to: FrameReceiver): boolean {
  if (typeof name !== 'string') return false;
  const retryAfter = to.services.limiter.spent.retryAfter(to.client, name);
  if (retryAfter === 0 || !to.router.isSole(name)) return false;
  to.refuse('RATE_LIMITED', { id: eventIdOf(data), retryAfter }, form, name);
  return true;
}

function typeOf(event: unknown): unknown {
  return typeof event === 'object' && event !== null && 'type' in event ? event.type : undefined;
}

/** Nest's own frame may carry any data, but none that would read differently to its handler or be too deep to. */
function takeNestFrame(name: string, data: unknown, message: Buffer, to: FrameReceiver): void {
  if (isPlainJson(data, to.services.options.event.maxDepth))
    route(name, data, 'nest', nestJsonIn(message, name), to);
  else to.refuse(to.isAnonymous ? 'UNAUTHENTICATED' : 'INVALID_EVENT', {}, 'nest', name);
}

function takeEvent(value: unknown, message: Buffer, text: string, to: FrameReceiver): void {
  const { event: limits, signing } = to.services.options;
  let event: SemanticEvent;
  try {
    event = receiveEvent(value, text, limits, signing.accept.includes('integradio'));
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    // Who has not authenticated learns that first, and nothing of what we think of the event.
    to.refuse(to.isAnonymous ? 'UNAUTHENTICATED' : error.code, { id: eventIdOf(value) });
    return;
  }
  // In the compatible mode an event is not what was parsed.
  const json = event === value ? eventJsonIn(message, to.subprotocol) : undefined;
  route(event.type, event, 'event', json, to);
}

function route(
  name: string,
  data: unknown,
  form: FrameForm,
  json: Buffer | undefined,
  to: FrameReceiver,
): void {
  if (to.isAnonymous && !to.router.hasPublic(name))
    to.refuse('UNAUTHENTICATED', { id: eventIdOf(data) }, form, name);
  else if (!withJson(data, json, () => to.router.dispatch(name, data, form)))
    to.refuse('UNKNOWN_EVENT', { id: eventIdOf(data) }, form, name);
}
