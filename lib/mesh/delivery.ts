import type { Client } from '../connection/index.js';
import { CLOUDEVENTS_PROTOCOL, EVENT_ENVELOPE, type Subprotocol } from '../protocol/index.js';
import { broadcastInput, type BroadcastSigner, type EventSigner } from '../signing/index.js';
import { FrameMould } from '../text-frame.js';
import type { LogEntry } from './event-log.js';

/** The connection of a client that is sent events. */
export interface Recipient {
  readonly client: Client;
  readonly subprotocol: Subprotocol;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /**
   * @param message a text, or a frame made of one
   * @param sent called when the message has left, or never will
   */
  send(message: string | Buffer, sent?: () => void): void;
}

/** One event on its way to many clients: whatever is the same for several of them is made once. */
export class Delivery {
  private input: Uint8Array | undefined;
  private signature: string | undefined;
  private readonly broadcasts = new Map<Subprotocol, Buffer>();
  private readonly moulds = new Map<Subprotocol, FrameMould>();

  constructor(
    readonly entry: LogEntry,
    private readonly signer: EventSigner,
    private readonly broadcastSigner: BroadcastSigner,
  ) {}

  /**
   * @param isBroadcast whether the client verifies broadcasts, which are signed once for all, rather than MACs of its own
   * @param sent called when it has left, or never will
   * @throws RefusalError `UNAVAILABLE` when there is no key to sign with
   */
  sendTo(recipient: Recipient, isBroadcast: boolean, sent?: () => void): void {
    const { client, subprotocol } = recipient;
    if (isBroadcast) {
      recipient.send(this.broadcastFor(subprotocol), sent);
      return;
    }
    this.input ??= broadcastInput(this.entry.text);
    const mould = this.mouldOf(subprotocol);
    const frame = mould.frameWith(this.signer.signFor(client, this.input));
    recipient.send(frame, sent);
    // What does not wait has left, and can serve the next.
    if (recipient.queuedBytes === 0) mould.takeBack(frame);
  }

  private broadcastFor(subprotocol: Subprotocol): Buffer {
    let frame = this.broadcasts.get(subprotocol);
    if (!frame) {
      this.signature ??= this.broadcastSigner.sign(this.entry.text);
      frame = this.mouldOf(subprotocol).frameWith(this.signature);
      this.broadcasts.set(subprotocol, frame);
    }
    return frame;
  }

  private mouldOf(subprotocol: Subprotocol): FrameMould {
    let mould = this.moulds.get(subprotocol);
    if (!mould) {
      mould = newMould(this.entry, subprotocol);
      this.moulds.set(subprotocol, mould);
    }
    return mould;
  }
}

function newMould({ text, cursor }: LogEntry, subprotocol: Subprotocol): FrameMould {
  const event = `${text.slice(0, -1)},"semanticsignature":"`;
  return subprotocol === CLOUDEVENTS_PROTOCOL
    ? new FrameMould(event, '"}')
    : new FrameMould(EVENT_ENVELOPE + event, `"},"cursor":"${cursor}"}`);
}
