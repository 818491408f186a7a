import type { ArgumentsHost } from '@nestjs/common';

/*
 * The parts of a call of a gateway's handler, as Nest passes them to guards, pipes and filters. `switchToWs()` tells the
 * same, but makes three functions each time it is asked, and the guards of one message ask ten times.
 */

/** The socket a message came on. */
export function socketOf(call: ArgumentsHost): object {
  return call.getArgs<[object]>()[0];
}

/** What the message says: an event, or anything else. */
export function payloadOf(call: ArgumentsHost): unknown {
  return call.getArgs<[object, unknown]>()[1];
}

/** The name of the message that the handler subscribed to. */
export function messageOf(call: ArgumentsHost): unknown {
  return call.getArgs<unknown[]>().at(-1);
}
