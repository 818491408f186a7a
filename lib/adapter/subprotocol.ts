import { CLOUDEVENTS_PROTOCOL, NATIVE_PROTOCOL, type Subprotocol } from '../protocol/index.js';

const ENVELOPE = '{"type":"event","event":';

/** The first sub-protocol a client asks for that we speak; false selects none. */
export function selectSubprotocol(offered: Set<string>): string | false {
  for (const name of offered) if (isSubprotocol(name)) return name;
  return false;
}

/** The sub-protocol in use on a socket: our own where none was selected. */
export function subprotocolOf(selected: string): Subprotocol {
  return isSubprotocol(selected) ? selected : NATIVE_PROTOCOL;
}

/**
 * An event as a frame: bare under CloudEvents, in an envelope under our own sub-protocol.
 *
 * @param text the JSON of the event
 */
export function encodeEvent(text: string, subprotocol: Subprotocol): string {
  return subprotocol === CLOUDEVENTS_PROTOCOL ? text : `${ENVELOPE}${text}}`;
}

/** The JSON of the event in an event frame, where the frame is written as we would write it. */
export function eventTextIn(frame: string, subprotocol: Subprotocol): string | undefined {
  if (subprotocol === CLOUDEVENTS_PROTOCOL) return frame;
  return frame.startsWith(ENVELOPE) ? frame.slice(ENVELOPE.length, -1) : undefined;
}

function isSubprotocol(name: string): name is Subprotocol {
  return name === NATIVE_PROTOCOL || name === CLOUDEVENTS_PROTOCOL;
}
