import type { ArgumentsHost } from '@nestjs/common';

/*
 * The arguments of a handler call, as Nest passes them to guards, pipes and filters. `switchToWs()` returns the same, but
 * creates three functions at each call, and the guards of one message need it ten times.
 */

/** Returns the socket of the message. */
export function socketOf(call: ArgumentsHost): object {
  return call.getArgs<[object]>()[0];
}

/** Returns the payload of the message: an event, or any other value. */
export function payloadOf(call: ArgumentsHost): unknown {
  return call.getArgs<[object, unknown]>()[1];
}

/** Returns the name of the message that the handler subscribed to. */
export function messageOf(call: ArgumentsHost): unknown {
  return call.getArgs<unknown[]>().at(-1);
}
