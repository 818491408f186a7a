import type { WebSocket } from 'ws';

/** What one connection may have handled before the others get their turn, in characters. */
const TURN = 65_536;
/** What may be held before reading stops, in characters; one chunk of the stream may come on top. */
const MAX_HELD = 65_536;
/** What a message counts for at least: short ones cost time and memory, too. */
const LEAST = 1_024;

export interface IntakeOwner {
  /** Whether one more message can be handled now; whoever makes room calls `goOn`. */
  readonly hasRoom: boolean;
  /** Handles a message. */
  read(text: string): void;
}

/**
 * Paces what comes in on one connection. Messages there is no room for are held, in their order; where they grow too
 * many, the socket is not read any more. Until then it is, for a close frame may follow.
 */
export class Intake {
  /** Made when there is no room for the first time. */
  private held: string[] | undefined;
  private heldWeight = 0;
  private spent = 0;
  private isTurnOver = false;

  constructor(
    private readonly socket: Pick<
      WebSocket,
      'readyState' | 'OPEN' | 'isPaused' | 'pause' | 'resume'
    >,
    private readonly owner: IntakeOwner,
  ) {}

  take(text: string): void {
    if (!this.held && this.isFree()) {
      this.spend(text);
      return;
    }
    (this.held ??= []).push(text);
    this.heldWeight += weightOf(text);
    this.pace();
  }

  /** Handles what was held, as far as there is room. */
  goOn(): void {
    while (this.held && this.isFree()) {
      const text = this.held.shift();
      if (this.held.length === 0) this.held = undefined;
      if (text === undefined) break;
      this.heldWeight -= weightOf(text);
      this.spend(text);
    }
    this.pace();
  }

  /** Forgets what is held. */
  clear(): void {
    this.held = undefined;
    this.heldWeight = 0;
  }

  private isFree(): boolean {
    return this.isOpen && !this.isTurnOver && this.owner.hasRoom;
  }

  private get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  private spend(text: string): void {
    this.spent += weightOf(text);
    if (this.spent >= TURN) this.endTurn();
    this.owner.read(text);
  }

  private endTurn(): void {
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
    if (!this.isOpen || isFull === this.socket.isPaused) return;
    if (isFull) this.socket.pause();
    else this.socket.resume();
  }
}

function weightOf(text: string): number {
  return Math.max(text.length, LEAST);
}
