/**
 * A CloudEvents 1.0 event in its JSON form: the only representation of an event in this library.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export interface SemanticEvent<T = unknown> {
  specversion: '1.0';
  /** The type, as dot-separated segments, most general first: `ui.interaction.click`. */
  type: string;
  /** The source of the event: a URI reference. */
  source: string;
  /** Unique within the source. */
  id: string;
  /** The time of the event: RFC 3339 with an offset. Required in a signed event. */
  time?: string;
  subject?: string;
  datacontenttype?: string;
  dataschema?: string;
  data?: T;
  /** Base64 of binary data; never together with `data`. */
  data_base64?: string;
  /** Used once per key: 16 to 128 characters of `A-Z a-z 0-9 _ -`. Required in a signed event. */
  semanticnonce?: string;
  semanticsignature?: string;
  semanticintent?: string;
  /** Comma-separated, because a CloudEvents attribute cannot be an array. */
  semantictags?: string;
  /** The `id` of the event this one answers. */
  semanticcorrelationid?: string;
  /** The audience of an event of the mesh: `user`, `session`, `client` or `room/<name>`. Set by the server. */
  semanticaudience?: string;
  /** Extension attributes: a string, a boolean or a 32-bit integer each. */
  [extension: string]: unknown;
}

/** An event with every attribute that a signed event must have. */
export interface SignedSemanticEvent<T = unknown> extends SemanticEvent<T> {
  time: string;
  semanticnonce: string;
  semanticsignature: string;
}

/** The argument of `createEvent`: it fills in a missing `specversion`, `id` and `time`. */
export interface SemanticEventInit<T = unknown> extends Partial<SemanticEvent<T>> {
  type: string;
  source: string;
}

/** Returns whether a value claims to be an event, valid or not: only events have a `specversion`. */
export function isMeantAsEvent(value: unknown): value is SemanticEvent {
  return typeof value === 'object' && value !== null && 'specversion' in value;
}
