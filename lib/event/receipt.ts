import type { UnverifiedAttributes } from './compatible-event.js';
import type { SemanticEvent } from './semantic-event.js';

/** How an event reached us, which is how its answers go back. */
export type FrameForm = 'event' | 'nest';

/** What is kept of an event in the compatible mode, beside the event itself. */
interface CompatibleReceipt {
  /** The frame the event came in, as it was received: its signature is over letters, not values. */
  readonly frame: string;
  readonly unverified: UnverifiedAttributes;
}

interface Receipt {
  readonly form: FrameForm;
  readonly compatible?: CompatibleReceipt;
  /** What was done once for the event. */
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
 * Keeps the receipt of an event as a private member of it, which is neither seen nor copied nor forged outside of this
 * class. A WeakMap would do the same, at the cost of all that validation costs.
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

/** Notes that an event passed validation, and the form of the frame it came in. */
export function markReceived(
  event: SemanticEvent,
  form: FrameForm,
  compatible?: CompatibleReceipt,
): void {
  new Receipts(event, { form, compatible });
}

/** The form of the frame a validated event came in; undefined for anything that was not validated. */
export function receivedAs(data: unknown): FrameForm | undefined {
  return Receipts.of(data)?.form;
}

/**
 * Does something once for a validated event, however many handlers get it.
 *
 * @returns what came of it
 */
export function oncePerEvent<T>(event: SemanticEvent, act: () => T): T {
  const receipt = Receipts.of(event);
  if (!receipt) return act();
  return (receipt.done ??= act()) as T;
}

/** The frame an event in the compatible mode came in. */
export function compatibleFrameOf(event: SemanticEvent): string | undefined {
  return Receipts.of(event)?.compatible?.frame;
}

/**
 * What came with an event and is not covered by its signature: `subject`, tags, intent, correlation id and
 * extensions of an event in the compatible mode, which are no members of the event itself. Of other events, nothing.
 * Who has carried the event can have written it: never decide by it what a client may do.
 */
export function unverifiedOf(event: SemanticEvent): UnverifiedAttributes {
  return Receipts.of(event)?.compatible?.unverified ?? NOTHING;
}
