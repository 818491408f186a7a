import type { Connection } from '../../connection/guarded/index.js';
import type { IoChannel } from './io-channel.js';

/** Names of the messages that the library handles, unless a gateway has a handler for the name. */
const AUTH = 'auth';
const PING = 'semantic-events:ping';
const PONG = 'semantic-events:pong';
const SUBSCRIBE = 'subscribe';
const UNSUBSCRIBE = 'unsubscribe';

function isEvent(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'specversion' in data;
}

/** Handles a message for the connection itself. @returns whether it was one */
export function handleControl(
  message: string,
  data: unknown,
  connection: Connection<string>,
  channel: IoChannel,
): boolean {
  // An event is for a handler, also if its type is one of these names.
  if (isEvent(data)) return false;
  const body = Object(data) as Record<string, unknown>;
  switch (message) {
    case AUTH:
      if (typeof body.token === 'string') connection.authenticate(body.token);
      else connection.refuse('BAD_FRAME', { reason: 'auth: token must be a string' });
      return true;
    case PING: {
      const time = new Date(connection.services.clock.now()).toISOString();
      channel.emit(PONG, { time });
      return true;
    }
    case SUBSCRIBE:
    case UNSUBSCRIBE: {
      if (connection.isAnonymous) return false;
      const { patterns, since, signatures, scope, id } = body;
      connection.subscribe(message, { patterns, since, signatures, scope, id }, channel);
      return true;
    }
    default:
      return false;
  }
}
