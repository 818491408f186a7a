import { randomBytes } from 'node:crypto';
import {
  CompatibleMode,
  compatibleFrameOf,
  type EventLimits,
  markReceived,
  type SemanticEvent,
} from '../event/index.js';
import { RefusalError } from '../protocol/index.js';
import { splitEvent } from './split-event.js';
import { signedTextIn, textOf } from './signed-text.js';

const SIGNATURE = /^[0-9a-f]{64}$/;
const NONCE_BYTES = 8;

/** The signatures and events of earlier Python programs. */
export class Integradio extends CompatibleMode {
  isSigned(event: unknown): boolean {
    if (typeof event !== 'object' || event === null || !('semanticsignature' in event))
      return false;
    return typeof event.semanticsignature === 'string' && SIGNATURE.test(event.semanticsignature);
  }

  receive(value: unknown, frame: string, limits: Readonly<EventLimits>): SemanticEvent {
    const { event, unverified } = splitEvent(value as Record<string, unknown>, limits);
    markReceived(event, 'event', { frame, unverified });
    return event;
  }

  signedText(event: SemanticEvent): string | undefined {
    const frame = compatibleFrameOf(event);
    if (frame === undefined) return undefined;
    try {
      return signedTextIn(frame);
    } catch {
      throw new RefusalError('INVALID_EVENT', { reason: 'a member occurs twice in the frame' });
    }
  }

  write(event: SemanticEvent): { text: string; signedText: string } {
    const text = textOf(event);
    return { text, signedText: signedTextIn(text) };
  }

  createNonce(): string {
    return randomBytes(NONCE_BYTES).toString('hex');
  }
}
