import { contained } from '../../monitoring/index.js';
import type { RoomWaiter, SharedBudget } from './shared-budgets.js';
import type { Budget } from './budget.js';
import { bytesOf, membersIn, memoryOf } from './frame-cost.js';
import type { Transport } from './transport.js';

/** The work for one connection before other connections continue, in characters or bytes. */
const MAX_BATCH = 65_536;
/** The maximum that may wait before reading pauses, in characters or bytes. One more chunk of the stream may follow. */
const MAX_WAITING = 65_536;
/** The minimum size that a message counts as, because short messages also cost time and memory. */
const LEAST = 1_024;
/** The maximum memory of frames with running handlers, for one connection. Bytes, estimated. */
const MAX_RUNNING_BYTES = 1_048_576;

/** The part of a transport that delivers messages. */
export type Source<Message> = Pick<
  Transport<Message>,
  'isOpen' | 'isPaused' | 'pause' | 'resume' | 'decode'
>;

/**
 * Limits the speed of one connection. If a message cannot be handled yet, the queue keeps it in order. If the queue is full,
 * reading pauses. It does not pause earlier, because a close frame may follow. It also counts the running handlers.
 */
export class InboundQueue<Message extends string | Buffer> implements RoomWaiter {
  /** The estimated memory of the current frame, in bytes. */
  frame = 0;

  /** Created when a message has to wait for the first time. */
  private waiting: Message[] | undefined;
  private waitingWeight = 0;
  private batchWeight = 0;
  private isYielding = false;
  private isStopped = false;
  private running = 0;
  /** The estimated memory of frames with running handlers, in bytes. */
  private runningBytes = 0;
  private onIdle: (() => void) | undefined;
  /** The shared budget that this connection may wait for. Authentication replaces the one of `budget`. */
  private lastAsked: SharedBudget | undefined;

  /** @param maxRunning the maximum number of running handlers */
  constructor(
    private readonly source: Source<Message>,
    private readonly budget: Pick<Budget, 'shared'>,
    private readonly maxRunning: number,
  ) {}

  take(message: Message): void {
    if (this.isStopped) return;
    if (!this.waiting && this.isFree()) {
      this.spend(message);
      return;
    }
    (this.waiting ??= []).push(this.hasRoom() ? message : detached(message));
    this.waitingWeight += weightOf(message);
    this.pace();
  }

  /** Handles waiting messages while there is room. */
  onRoom(): void {
    while (this.waiting && this.isFree()) {
      const message = this.waiting.shift();
      if (this.waiting.length === 0) this.waiting = undefined;
      if (message === undefined) break;
      this.waitingWeight -= weightOf(message);
      this.spend(message);
    }
    this.pace();
  }

  /** Records that the current message runs a handler. @returns a function to call when the handler is done */
  begin(): () => void {
    const { frame: bytes } = this;
    const { shared } = this.budget;
    this.running++;
    this.runningBytes += bytes;
    shared.begin(bytes);
    return () => {
      this.running--;
      this.runningBytes -= bytes;
      shared.end(bytes);
      if (this.running === 0) this.onIdle?.();
      this.onRoom();
    };
  }

  /** Drops waiting messages, and ignores further ones. */
  stop(): void {
    this.isStopped = true;
    this.waiting = undefined;
    this.waitingWeight = 0;
    this.lastAsked?.stopWaiting(this);
  }

  /** Resolves when no handler is running, or after `timeout` milliseconds. */
  async idle(timeout: number): Promise<void> {
    if (this.running === 0) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeout);
      this.onIdle = contained(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Returns whether one more handler may run, even with a large frame. */
  private hasRoom(): boolean {
    const isFull = this.running >= this.maxRunning || this.runningBytes >= MAX_RUNNING_BYTES;
    if (isFull) return false;
    this.lastAsked = this.budget.shared;
    return this.lastAsked.hasRoom(this);
  }

  private isFree(): boolean {
    return !this.isYielding && this.hasRoom();
  }

  private spend(message: Message): void {
    this.batchWeight += weightOf(message);
    if (this.batchWeight >= MAX_BATCH) this.yieldToOthers();
    const bytes = bytesOf(message);
    this.frame = memoryOf(bytes.length, membersIn(bytes));
    this.source.decode(message);
  }

  private yieldToOthers(): void {
    this.batchWeight = 0;
    this.isYielding = true;
    this.pace();
    setImmediate(
      contained(() => {
        this.isYielding = false;
        this.onRoom();
      }),
    );
  }

  /** Pauses or resumes reading. A closing transport controls its reading itself. */
  private pace(): void {
    const { source } = this;
    const isFull = this.isYielding || this.waitingWeight >= MAX_WAITING;
    if (!source.isOpen || isFull === source.isPaused) return;
    if (isFull) source.pause();
    else source.resume();
  }
}

/** Copies a message that may wait for long, so that it does not keep the whole chunk in memory. */
function detached<Message extends string | Buffer>(message: Message): Message {
  return (typeof message === 'string' ? message : Buffer.from(message)) as Message;
}

function weightOf({ length }: { readonly length: number }): number {
  return Math.max(length, LEAST);
}
