import type { Client } from '../connection/index.js';
import type { SemanticEvent } from '../event/index.js';
import { CLOUDEVENTS_PROTOCOL, EVENT_ENVELOPE, type Subprotocol } from '../protocol/index.js';
import { broadcastInput, type BroadcastSigner, type EventSigner } from '../signing/index.js';
import { FrameMould } from '../text-frame.js';
import type { LogEntry } from './event-log.js';

/** The connection of a client that receives events. */
export interface Recipient {
  readonly client: Client;
  readonly subprotocol: Subprotocol;
  /** The number of bytes that wait to be sent. */
  readonly queuedBytes: number;
  /**
   * Sends a message.
   *
   * @param message a text, or an encoded WebSocket frame
   * @param sent called once the message was sent, or cannot be sent any more
   */
  send(message: string | Buffer, sent?: () => void): void;
  /** Sends an event object, if the transport encodes events itself. Otherwise `send` sends each event as a frame. */
  sendEvent?(event: SemanticEvent, cursor: string, sent?: () => void): void;
}

/** Delivers one event to many clients. It creates each part that several clients share only once. */
export class Delivery {
  private event: SemanticEvent | undefined;
  private input: Uint8Array | undefined;
  private signature: string | undefined;
  private readonly broadcasts: Partial<Record<Subprotocol, Buffer>> = {};
  private readonly moulds: Partial<Record<Subprotocol, FrameMould>> = {};

  constructor(
    readonly entry: LogEntry,
    private readonly signer: EventSigner,
    private readonly broadcastSigner: BroadcastSigner,
    private readonly seal: (cursor: string) => string,
  ) {}

  /**
   * Signs the event for a client and sends it.
   *
   * @param isBroadcast whether to use the broadcast signature, which all clients share, instead of a MAC for this client
   * @param sent called once the event was sent, or cannot be sent any more
   * @throws RefusalError `UNAVAILABLE` if no signing key is in force
   */
  sendTo(recipient: Recipient, isBroadcast: boolean, sent?: () => void): void {
    const { client, subprotocol } = recipient;
    if (recipient.sendEvent) {
      this.event ??= JSON.parse(this.entry.text) as SemanticEvent;
      const semanticsignature = isBroadcast ? this.broadcastSignature : this.signatureFor(client);
      const cursor = this.seal(this.entry.cursor);
      // An event of the log has no signature. Adding a member after a spread is slow.
      recipient.sendEvent({ semanticsignature, ...this.event }, cursor, sent);
      return;
    }
    if (isBroadcast) {
      recipient.send(this.broadcastFor(subprotocol), sent);
      return;
    }
    const mould = this.mouldOf(subprotocol);
    const frame = mould.frameWith(this.signatureFor(client));
    recipient.send(frame, sent);
    // The frame is already sent: the frame of the next client may reuse its memory.
    if (recipient.queuedBytes === 0) mould.takeBack(frame);
  }

  private signatureFor(client: Client): string {
    this.input ??= broadcastInput(this.entry.text);
    return this.signer.signFor(client, this.input);
  }

  private get broadcastSignature(): string {
    return (this.signature ??= this.broadcastSigner.sign(this.entry.text));
  }

  private broadcastFor(subprotocol: Subprotocol): Buffer {
    return (this.broadcasts[subprotocol] ??= this.mouldOf(subprotocol).frameWith(
      this.broadcastSignature,
    ));
  }

  private mouldOf(subprotocol: Subprotocol): FrameMould {
    return (this.moulds[subprotocol] ??= newMould(this.entry.text, subprotocol, () =>
      this.seal(this.entry.cursor),
    ));
  }
}

function newMould(text: string, subprotocol: Subprotocol, cursor: () => string): FrameMould {
  const event = `${text.slice(0, -1)},"semanticsignature":"`;
  return subprotocol === CLOUDEVENTS_PROTOCOL
    ? new FrameMould(event, '"}')
    : new FrameMould(EVENT_ENVELOPE + event, `"},"cursor":"${cursor()}"}`);
}
