import {
  CLOUDEVENTS_PROTOCOL,
  EVENT_ENVELOPE,
  NATIVE_PROTOCOL,
  type Subprotocol,
} from '../protocol/index.js';

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
  return subprotocol === CLOUDEVENTS_PROTOCOL ? text : `${EVENT_ENVELOPE}${text}}`;
}

/** The JSON of the event in an event frame, where the frame is written as we would write it. */
export function eventJsonIn(frame: Buffer, subprotocol: Subprotocol): Buffer | undefined {
  return subprotocol === CLOUDEVENTS_PROTOCOL ? frame : contentOf(frame, EVENT_ENVELOPE);
}

/** The same of the data in Nest's own frame. */
export function nestJsonIn(frame: Buffer, message: string): Buffer | undefined {
  return contentOf(frame, `{"event":${JSON.stringify(message)},"data":`);
}

/** What is between the beginning of a frame and its last brace. */
function contentOf(frame: Buffer, start: string): Buffer | undefined {
  return frame.toString('latin1', 0, start.length) === start
    ? frame.subarray(start.length, -1)
    : undefined;
}

function isSubprotocol(name: string): name is Subprotocol {
  return name === NATIVE_PROTOCOL || name === CLOUDEVENTS_PROTOCOL;
}
