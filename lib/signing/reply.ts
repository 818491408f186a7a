import { DEFAULT_EVENT_LIMITS, type SemanticEvent, validateEvent } from '../event/index.js';
import { callError, InvalidArgumentError } from '../protocol/index.js';

/** The part of a reply that a handler decides. The server sets everything else. */
export interface ReplyInit<T = unknown> {
  /** The `type` of the event. */
  type: string;
  /** A value that JSON can represent, or a `Uint8Array`, which is sent as `data_base64`. */
  data?: T;
  subject?: string;
  /** @default 'application/json', or 'application/octet-stream' for bytes */
  datacontenttype?: string;
  dataschema?: string;
  semanticintent?: string;
  /** Comma-separated. */
  semantictags?: string;
  /** Extension attributes. Each one is a string, a boolean or a 32-bit integer. */
  [extension: string]: unknown;
}

type ReplyAttributes = Readonly<Record<string, unknown>>;

/** Attributes that only the server sets. */
const RESERVED = [
  'specversion',
  'id',
  'source',
  'time',
  'data_base64',
  'semanticnonce',
  'semanticsignature',
  'semanticcorrelationid',
];

/** The name of the member that marks the copy of a reply. */
const MARK = 'semanticReply';

/** The attributes of a reply, by the symbol that its copies have. Data of a client cannot have symbols. */
const copied = new WeakMap<symbol, ReplyAttributes>();

/**
 * A value created by `reply()`. A private member marks it, which data of a client cannot have. Nest reads the visible
 * members for messages in Nest's own frame.
 */
export class SemanticReply<T = unknown> {
  readonly event: string;
  readonly data: T | undefined;
  readonly #attributes: ReplyAttributes;

  /** @throws InvalidArgumentError for an attribute that the server sets, or that CloudEvents does not allow */
  constructor({ type, data, ...given }: ReplyInit<T>) {
    // An attribute that is undefined is not given. It must not replace what the server sets.
    const attributes = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    );
    checkAttributes({ type, ...attributes });
    this.event = type;
    this.data = data;
    this.#attributes = attributes;
    Object.freeze(this);
  }

  /**
   * A new mark for a copy of this reply. class-transformer reads it, because `SERIALIZABLE_REPLIES_PROVIDER` exposes it.
   *
   * @internal
   */
  get semanticReply(): symbol {
    const mark = Symbol('reply');
    copied.set(mark, this.#attributes);
    return mark;
  }

  /** Returns the attributes of a value created by `reply()`, or of its copy; undefined for any other value. */
  static attributesOf(value: unknown): ReplyAttributes | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    if (#attributes in value) return value.#attributes;
    const mark: unknown = MARK in value ? value[MARK] : undefined;
    return typeof mark === 'symbol' ? copied.get(mark) : undefined;
  }
}

/**
 * Turns the return value of a handler into an event: `return reply({ type: 'order.placed', data })`. Without `reply()` the
 * return value is the data of `<type>.reply`, whatever it contains. The server sets `id`, `source`, `time`, nonce,
 * correlation id and signature.
 *
 * @throws InvalidArgumentError for an attribute that the server sets, or that CloudEvents does not allow
 */
export function reply<T>(init: ReplyInit<T>): SemanticReply<T> {
  return new SemanticReply(init);
}

/** The type and data of a reply. */
export interface ReplyContent {
  readonly type: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly datacontenttype: string;
}

/** Returns the type and data of the event that answers a request. */
export function contentOf(request: SemanticEvent, result: unknown): ReplyContent {
  const isMarked = SemanticReply.attributesOf(result) !== undefined;
  const { event: type, data } = isMarked
    ? (result as SemanticReply)
    : { event: `${request.type}.reply`, data: result };
  if (!(data instanceof Uint8Array)) return { type, data, datacontenttype: 'application/json' };
  // In JSON bytes have a member of their own (CloudEvents JSON format, section 3.1.1).
  const binary = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return { type, data_base64: binary, datacontenttype: 'application/octet-stream' };
}

function checkAttributes(attributes: ReplyInit): void {
  for (const name of RESERVED)
    if (name in attributes) throw new InvalidArgumentError('reply()', `the server sets ${name}`);
  try {
    validateEvent(
      { specversion: '1.0', id: 'reply', source: '/', ...attributes },
      DEFAULT_EVENT_LIMITS,
    );
  } catch (error) {
    throw callError('reply()', error);
  }
}
