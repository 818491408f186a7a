/**
 * A CloudEvents 1.0 event in its JSON form: the only representation of an event in this library.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export interface SemanticEvent<T = unknown> {
  specversion: '1.0';
  /** What happened, as dot-separated segments, most general first: `ui.interaction.click`. */
  type: string;
  /** Who it happened to: a URI reference. */
  source: string;
  /** Unique within the source. */
  id: string;
  /** When it happened: RFC 3339 with an offset. Required in a signed event. */
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
  /** Extension attributes: a string, a boolean or a 32-bit integer each. */
  [extension: string]: unknown;
}

/** An event that carries everything a signed event must carry. */
export interface SignedSemanticEvent<T = unknown> extends SemanticEvent<T> {
  time: string;
  semanticnonce: string;
  semanticsignature: string;
}

/** What `createEvent` takes: `specversion`, `id` and `time` are filled in where they are missing. */
export interface SemanticEventInit<T = unknown> extends Partial<SemanticEvent<T>> {
  type: string;
  source: string;
}

/** Whether a value is meant as an event, be it right or wrong: nothing else has a `specversion`. */
export function isMeantAsEvent(value: unknown): value is SemanticEvent {
  return typeof value === 'object' && value !== null && 'specversion' in value;
}
