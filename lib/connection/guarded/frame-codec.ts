import { isPlainJson, receiveEvent, type SemanticEvent } from '../../event/index.js';
import { eventIdOf } from '../../handler/index.js';
import { decodeFrame, encodeFrame, RefusalError } from '../../protocol/index.js';
import { asRefusal } from './as-refusal.js';
import type { Dispatcher } from './dispatcher.js';
import { COST, membersIn, unitsOf } from './frame-cost.js';
import { eventJsonIn, nestJsonIn } from './subprotocol.js';

/** Decodes a frame of PROTOCOL.md, and passes it to the dispatcher or, as a control frame, to the connection. */
export function decode(message: Buffer, dispatcher: Dispatcher): void {
  const { channel, connection } = dispatcher;
  try {
    const text = message.toString('utf8');
    const frame = decodeFrame(text, channel.subprotocol);
    switch (frame.kind) {
      case 'ping': {
        const time = new Date(connection.services.clock.now()).toISOString();
        channel.send(encodeFrame({ type: 'pong', time }));
        return;
      }
      case 'auth':
        connection.authenticate(frame.token);
        return;
      case 'event':
        if (!dispatcher.refusesSpent(typeOf(frame.event), frame.event, 'event'))
          decodeEvent(frame.event, message, text, dispatcher);
        return;
      case 'nest':
        if (!dispatcher.refusesSpent(frame.name, frame.data, 'nest'))
          decodeNestFrame(frame.name, frame.data, message, dispatcher);
        return;
      case 'subscribe':
      case 'unsubscribe':
        if (connection.isAnonymous)
          channel.refuse('UNAUTHENTICATED', { reason: 'a subscription before authentication' });
        else connection.subscribe(frame.kind, frame, channel);
    }
  } catch (error) {
    const { code, retryAfter, reason } = asRefusal(error, connection.client, connection.services);
    channel.refuse(code, { retryAfter, reason });
  }
}

function typeOf(event: unknown): unknown {
  return typeof event === 'object' && event !== null && 'type' in event ? event.type : undefined;
}

/** Decodes Nest's own frame. Its data must not be too deep, nor ambiguous between JSON readers. */
function decodeNestFrame(
  name: string,
  data: unknown,
  message: Buffer,
  dispatcher: Dispatcher,
): void {
  const { channel, connection } = dispatcher;
  if (isPlainJson(data, connection.services.options.event.maxDepth)) {
    dispatcher.dispatch(name, data, 'nest', nestJsonIn(message, name));
    return;
  }
  const code = connection.isAnonymous ? 'UNAUTHENTICATED' : 'INVALID_EVENT';
  const reason = 'data is too deep, or has a member or number that JSON readers do not agree on';
  channel.refuse(code, { reason }, 'nest', name);
}

function decodeEvent(value: unknown, message: Buffer, text: string, dispatcher: Dispatcher): void {
  const { channel, connection } = dispatcher;
  const { compatible, options } = connection.services;
  const mode = compatible?.isSigned(value) ? compatible : undefined;
  if (mode) {
    const units = unitsOf(message.length, membersIn(message));
    if (!connection.charge(units * (COST.compatible - 1))) return;
  }
  let event: SemanticEvent;
  try {
    event = mode ? mode.receive(value, text, options.event) : receiveEvent(value, options.event);
  } catch (error) {
    if (!RefusalError.is(error)) throw error;
    // An unauthenticated client receives `UNAUTHENTICATED`, and nothing about the event.
    const code = connection.isAnonymous ? 'UNAUTHENTICATED' : error.code;
    channel.refuse(code, { id: eventIdOf(value), reason: error.reason });
    return;
  }
  // In the compatible mode the event differs from the text of the frame.
  const json = event === value ? eventJsonIn(message, channel.subprotocol) : undefined;
  dispatcher.dispatch(event.type, event, 'event', json);
}
