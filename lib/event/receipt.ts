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

const receipts = new WeakMap<object, Receipt>();
const NOTHING: UnverifiedAttributes = Object.freeze({});

/** Notes that an event passed validation, and the form of the frame it came in. */
export function markReceived(
  event: SemanticEvent,
  form: FrameForm,
  compatible?: CompatibleReceipt,
): void {
  receipts.set(event, { form, compatible });
}

/** The form of the frame a validated event came in; undefined for anything that was not validated. */
export function receivedAs(data: unknown): FrameForm | undefined {
  return receiptOf(data)?.form;
}

/**
 * Does something once for a validated event, however many handlers get it.
 *
 * @returns what came of it
 */
export function oncePerEvent<T>(event: SemanticEvent, act: () => T): T {
  const receipt = receiptOf(event);
  if (!receipt) return act();
  return (receipt.done ??= act()) as T;
}

/** The frame an event in the compatible mode came in. */
export function compatibleFrameOf(event: SemanticEvent): string | undefined {
  return receiptOf(event)?.compatible?.frame;
}

/**
 * What came with an event and is not covered by its signature: `subject`, tags, intent, correlation id and
 * extensions of an event in the compatible mode, which are no members of the event itself. Of other events, nothing.
 * Who has carried the event can have written it: never decide by it what a client may do.
 */
export function unverifiedOf(event: SemanticEvent): UnverifiedAttributes {
  return receiptOf(event)?.compatible?.unverified ?? NOTHING;
}

function receiptOf(data: unknown): Receipt | undefined {
  return typeof data === 'object' && data !== null ? receipts.get(data) : undefined;
}
