import type { Client } from '../connection/index.js';
import { CLOUDEVENTS_PROTOCOL, type Subprotocol } from '../protocol/index.js';
import { broadcastInput, type BroadcastSigner, type EventSigner } from '../signing/index.js';
import { textFrameAround } from '../text-frame.js';
import type { LogEntry } from './event-log.js';

/** How an event is to reach one client. */
export interface DeliveryForm {
  readonly client: Client;
  readonly subprotocol: Subprotocol;
  /** Whether the client verifies broadcasts, which are signed once for all, rather than MACs of its own. */
  readonly isBroadcast: boolean;
}

/** One event on its way to many clients: whatever is the same for several of them is made once. */
export class Delivery {
  private input: Uint8Array | undefined;
  private signature: string | undefined;
  private readonly broadcasts = new Map<Subprotocol, Buffer>();
  private readonly surroundings = new Map<Subprotocol, Surroundings>();

  constructor(
    readonly entry: LogEntry,
    private readonly signer: EventSigner,
    private readonly broadcastSigner: BroadcastSigner,
  ) {}

  /** @throws RefusalError `UNAVAILABLE` when there is no key to sign with */
  frameFor({ client, subprotocol, isBroadcast }: DeliveryForm): Buffer {
    if (isBroadcast) return this.broadcastFor(subprotocol);
    this.input ??= broadcastInput(this.entry.text);
    return this.frame(this.signer.signFor(client, this.input), subprotocol);
  }

  private broadcastFor(subprotocol: Subprotocol): Buffer {
    let frame = this.broadcasts.get(subprotocol);
    if (!frame) {
      this.signature ??= this.broadcastSigner.sign(this.entry.text);
      frame = this.frame(this.signature, subprotocol);
      this.broadcasts.set(subprotocol, frame);
    }
    return frame;
  }

  private frame(signature: string, subprotocol: Subprotocol): Buffer {
    let surroundings = this.surroundings.get(subprotocol);
    if (!surroundings) {
      surroundings = surroundingsOf(this.entry, subprotocol);
      this.surroundings.set(subprotocol, surroundings);
    }
    return textFrameAround(surroundings.head, signature, surroundings.tail);
  }
}

/** What is before and behind a signature. */
interface Surroundings {
  readonly head: Buffer;
  readonly tail: Buffer;
}

function surroundingsOf({ text, cursor }: LogEntry, subprotocol: Subprotocol): Surroundings {
  const event = `${text.slice(0, -1)},"semanticsignature":"`;
  return subprotocol === CLOUDEVENTS_PROTOCOL
    ? { head: Buffer.from(event), tail: Buffer.from('"}') }
    : {
        head: Buffer.from(`{"type":"event","event":${event}`),
        tail: Buffer.from(`"},"cursor":"${cursor}"}`),
      };
}
