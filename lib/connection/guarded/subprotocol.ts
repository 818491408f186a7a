import {
  CLOUDEVENTS_PROTOCOL,
  EVENT_ENVELOPE,
  NATIVE_PROTOCOL,
  type Subprotocol,
} from '../../protocol/index.js';

/** Returns the first offered sub-protocol that the server supports; false selects none. */
export function selectSubprotocol(offered: Set<string>): string | false {
  for (const name of offered) if (isSubprotocol(name)) return name;
  return false;
}

/** Returns the sub-protocol of a socket. The default is `semantic-events.v1`. */
export function subprotocolOf(selected: string): Subprotocol {
  return isSubprotocol(selected) ? selected : NATIVE_PROTOCOL;
}

/**
 * Encodes an event as a frame: bare under `cloudevents.json`, in an envelope under `semantic-events.v1`.
 *
 * @param text the JSON of the event
 */
export function encodeEvent(text: string, subprotocol: Subprotocol): string {
  return subprotocol === CLOUDEVENTS_PROTOCOL ? text : `${EVENT_ENVELOPE}${text}}`;
}

/** Returns the JSON of the event in a frame, if the frame has exactly the form that `encodeEvent` writes. */
export function eventJsonIn(frame: Buffer, subprotocol: Subprotocol): Buffer | undefined {
  return subprotocol === CLOUDEVENTS_PROTOCOL ? frame : contentOf(frame, EVENT_ENVELOPE);
}

/** Returns the JSON of the data in Nest's own frame, if the frame has the usual form. */
export function nestJsonIn(frame: Buffer, message: string): Buffer | undefined {
  return contentOf(frame, `{"event":${JSON.stringify(message)},"data":`);
}

/** Returns the text between the start of a frame and its last brace; undefined if the start differs. */
function contentOf(frame: Buffer, start: string): Buffer | undefined {
  return frame.toString('latin1', 0, start.length) === start
    ? frame.subarray(start.length, -1)
    : undefined;
}

function isSubprotocol(name: string): name is Subprotocol {
  return name === NATIVE_PROTOCOL || name === CLOUDEVENTS_PROTOCOL;
}
