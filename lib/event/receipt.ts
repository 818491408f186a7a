import type { SemanticEvent } from './semantic-event.js';

/** Attributes of an event that its signature does not cover: any node on its way can have written them. */
export interface UnverifiedAttributes {
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly semanticintent?: string;
  readonly semantictags?: string | readonly string[];
  readonly semanticcorrelationid?: string;
  readonly [extension: string]: unknown;
}

/** The form of the frame in which an event arrived: replies leave in the same form. */
export type FrameForm = 'event' | 'nest';

/** Data about an event in the compatible mode that the library stores in addition to the event. */
interface CompatibleReceipt {
  /** The frame as it arrived: the signature of this mode covers its characters, not its values. */
  readonly frame: string;
  readonly unverified: UnverifiedAttributes;
}

interface Receipt {
  readonly form: FrameForm;
  readonly compatible?: CompatibleReceipt;
  /** Results of work that is done once per event. */
  done?: unknown;
}

const NOTHING: UnverifiedAttributes = Object.freeze({});

// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- a subclass adds its members to what this returns
class Received {
  constructor(event: object) {
    return event;
  }
}

/**
 * Stores the receipt of an event in a private member, which other code can neither see, copy nor forge. A WeakMap would do the
 * same, but costs as much as the whole validation.
 */
class Receipts extends Received {
  #receipt: Receipt;

  constructor(event: object, receipt: Receipt) {
    super(event);
    this.#receipt = receipt;
  }

  static of(data: unknown): Receipt | undefined {
    const has = typeof data === 'object' && data !== null && #receipt in data;
    return has ? data.#receipt : undefined;
  }
}

/** Marks an event as validated, with the form of its frame. */
export function markReceived(
  event: SemanticEvent,
  form: FrameForm,
  compatible?: CompatibleReceipt,
): void {
  new Receipts(event, { form, compatible });
}

/** Returns the form of the frame of a validated event, or undefined for anything else. */
export function receivedAs(data: unknown): FrameForm | undefined {
  return Receipts.of(data)?.form;
}

/**
 * Runs a function once per validated event, even if several handlers receive the event.
 *
 * @returns the result of that one run
 */
export function oncePerEvent<T>(event: SemanticEvent, act: () => T): T {
  const receipt = Receipts.of(event);
  if (!receipt) return act();
  return (receipt.done ??= act()) as T;
}

/** Returns the frame of an event in the compatible mode. */
export function compatibleFrameOf(event: SemanticEvent): string | undefined {
  return Receipts.of(event)?.compatible?.frame;
}

/**
 * Returns the attributes that the signature of an event does not cover. In the compatible mode these are `subject`, tags,
 * intent, correlation id and extensions. They are not members of the event itself. Other events have none. Any node on the
 * way of the event can have written them: never use them to decide what a client may do.
 */
export function unverifiedOf(event: SemanticEvent): UnverifiedAttributes {
  return Receipts.of(event)?.compatible?.unverified ?? NOTHING;
}
