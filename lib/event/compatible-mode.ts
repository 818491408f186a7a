import type { SemanticEvent } from './semantic-event.js';
import type { EventLimits } from './validate-event.js';

/** The compatible mode for integradio. The module loads it only if `signing.accept` contains `'integradio'`. */
export abstract class CompatibleMode {
  /** Returns whether a parsed event has a signature of this mode. */
  abstract isSigned(event: unknown): boolean;

  /**
   * Validates an event that is signed in this mode, and marks it as received. Attributes that the signature does not cover
   * become its `UnverifiedAttributes`.
   *
   * @param frame the frame as it was received
   * @throws RefusalError `INVALID_EVENT`
   */
  abstract receive(event: unknown, frame: string, limits: Readonly<EventLimits>): SemanticEvent;

  /**
   * Returns the text that the signature of a received event covers, or undefined if the frame of the event is unknown.
   *
   * @throws RefusalError `INVALID_EVENT` if the frame can be read in two ways
   */
  abstract signedText(event: SemanticEvent): string | undefined;

  /** Returns an event of the server as JSON text in the form that its receiver signs by, and the text to sign. */
  abstract write(event: SemanticEvent): { text: string; signedText: string };

  abstract createNonce(): string;
}
