import type { SemanticEvent } from './semantic-event.js';

/** How an event reached us, which is how its answers go back. */
export type FrameForm = 'event' | 'nest';

const receipts = new WeakMap<object, FrameForm>();

/** Notes that an event passed validation, and the form of the frame it came in. */
export function markReceived(event: SemanticEvent, form: FrameForm): void {
  receipts.set(event, form);
}

/** The form of the frame a validated event came in; undefined for anything that was not validated. */
export function receivedAs(data: unknown): FrameForm | undefined {
  return typeof data === 'object' && data !== null ? receipts.get(data) : undefined;
}
