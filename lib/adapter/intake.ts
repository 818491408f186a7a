import type { WebSocket } from 'ws';

/** What one connection may have handled before the others get their turn, in characters or bytes. */
const TURN = 65_536;
/** What may be held before reading stops, in characters or bytes; one chunk of the stream may come on top. */
const MAX_HELD = 65_536;
/** What a message counts for at least: short ones cost time and memory, too. */
const LEAST = 1_024;

export interface IntakeOwner<Message> {
  /** Whether one more message may be handled now; whoever makes room calls `goOn`. */
  readonly hasRoom: boolean;
  /** Handles a message. */
  read(message: Message): void;
}

/**
 * Paces what comes in on one connection. Messages there is no room for are held, in their order; where they grow too
 * many, the socket is not read any more. Until then it is, for a close frame may follow.
 */
export class Intake<Message extends { readonly length: number }> {
  /** Made when there is no room for the first time. */
  private held: Message[] | undefined;
  private heldWeight = 0;
  private spent = 0;
  private isTurnOver = false;

  constructor(
    private readonly socket: Pick<
      WebSocket,
      'readyState' | 'OPEN' | 'isPaused' | 'pause' | 'resume'
    >,
    private readonly owner: IntakeOwner<Message>,
  ) {}

  take(message: Message): void {
    if (!this.held && this.isFree()) {
      this.spend(message);
      return;
    }
    (this.held ??= []).push(message);
    this.heldWeight += weightOf(message);
    this.pace();
  }

  /** Handles what was held, as far as there is room. */
  goOn(): void {
    while (this.held && this.isFree()) {
      const message = this.held.shift();
      if (this.held.length === 0) this.held = undefined;
      if (message === undefined) break;
      this.heldWeight -= weightOf(message);
      this.spend(message);
    }
    this.pace();
  }

  /** Forgets what is held. */
  clear(): void {
    this.held = undefined;
    this.heldWeight = 0;
  }

  private isFree(): boolean {
    return !this.isTurnOver && this.owner.hasRoom;
  }

  private spend(message: Message): void {
    this.spent += weightOf(message);
    if (this.spent >= TURN) this.rest();
    this.owner.read(message);
  }

  private rest(): void {
    this.spent = 0;
    this.isTurnOver = true;
    this.pace();
    setImmediate(() => {
      this.isTurnOver = false;
      this.goOn();
    });
  }

  /** Whether a socket that closes is read is not ours to say. */
  private pace(): void {
    const isFull = this.isTurnOver || this.heldWeight >= MAX_HELD;
    const { readyState, OPEN, isPaused } = this.socket;
    if (readyState !== OPEN || isFull === isPaused) return;
    if (isFull) this.socket.pause();
    else this.socket.resume();
  }
}

function weightOf({ length }: { readonly length: number }): number {
  return Math.max(length, LEAST);
}
