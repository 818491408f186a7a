import type { FrameForm } from '../../event/index.js';
import {
  type Code,
  factsOf,
  type Reason,
  type RefusalDetails,
  textOf,
} from '../../protocol/index.js';
import type { Client } from '../index.js';
import { Budget } from './budget.js';
import { closingOf } from './closing-of.js';
import type { ConnectionServices } from './connection-services.js';
import { unitsOf } from './frame-cost.js';
import type { ServedEndpoint } from './served-endpoint.js';
import type { Channel, RefusalSender, Transport } from './transport.js';

/** The reason for operators when the application stops. */
export const SHUTDOWN = 'the application is shutting down';

/** The frame that a refusal answers. */
export interface RefusedFrame {
  readonly form?: FrameForm;
  readonly eventType?: string;
  /** The channel of the frame. Without it, the refusal goes to the whole connection. */
  readonly channel?: Channel;
}

/** The part of a connection that refuses frames, counts offences and closes. A connection closes only once. */
export abstract class RefusingConnection<Message> {
  protected readonly budget: Budget;
  /** The code with which the connection closes. */
  private closingCode: Code | undefined;
  private isStopped = false;

  constructor(
    readonly client: Client,
    readonly endpoint: ServedEndpoint,
    protected readonly transport: Transport<Message>,
  ) {
    const { budgets, clock } = endpoint.services;
    this.budget = new Budget(client, budgets, clock.monotonic(), !endpoint.hasPublic);
  }

  get services(): ConnectionServices {
    return this.endpoint.services;
  }

  get isOpen(): boolean {
    return this.closingCode === undefined && this.transport.isOpen;
  }

  /** The code with which the connection closes; undefined while it is open, or if the client has closed it. */
  get endedBy(): Code | undefined {
    return this.closingCode;
  }

  /** Whether the connection handles messages. It stays true for messages that arrived before the client's close frame. */
  get isReceiving(): boolean {
    return !this.isStopped;
  }

  get isAnonymous(): boolean {
    return this.client.user === undefined;
  }

  /** Charges units before the work is done. Refuses the frame and returns false if they are over a limit. */
  charge(units: number): boolean {
    const excess = this.excessOf(units);
    if (excess) this.refuse('RATE_LIMITED', excess);
    return excess === undefined;
  }

  /** Charges units. @returns the details of the refusal if they are over a limit */
  excessOf(units: number): RefusalDetails | undefined {
    const retryAfter = this.budget.charge(this.services.clock.monotonic(), units);
    return retryAfter > 0 ? { retryAfter, reason: 'connection.messageRate' } : undefined;
  }

  /**
   * Charges the compression of a message that the server sends. It has a bucket of its own, so that what others publish does not
   * use up what the client may send.
   *
   * @returns false if the message must leave uncompressed
   */
  mayCompress(bytes: number): boolean {
    return this.budget.shared.compress(this.services.clock.monotonic(), unitsOf(bytes, 0));
  }

  /**
   * Charges continuation frames, which cost work before the message is complete. A flood of them ends the connection, without an
   * answer to each.
   */
  chargeFragments(count: number): void {
    const { clock } = this.services;
    if (this.isOpen && !this.budget.chargeFragments(clock.monotonic(), count))
      this.end('RATE_LIMITED', { reason: 'too many fragments' });
  }

  /** Refuses a frame, and closes the connection if the code requires it. */
  refuse(code: Code, details: RefusalDetails = {}, frame: RefusedFrame = {}): void {
    if (!this.isOpen) return;
    const { form = 'event', eventType } = frame;
    const sender: RefusalSender = frame.channel ?? this.transport;
    this.count(code, eventType, details.reason);
    sender.sendRefusal(code, details, form);
    this.closeIfDue(code, details.reason);
  }

  /** Counts a refusal that is sent in another way, and closes the connection if the code requires it. */
  note(code: Code, reason?: Reason): void {
    this.count(code, undefined, reason);
    this.closeIfDue(code, reason);
  }

  /** Sends the reason to the client, and closes. */
  end(code: Code, details: RefusalDetails = {}): void {
    if (!this.isOpen) return;
    this.transport.sendEnd(code, details);
    this.close(factsOf(code).close, code, details.reason);
  }

  /** Records that the connection closes. A transport also calls it when the library closes. */
  closing(code: Code, reason?: Reason): void {
    if (this.closingCode !== undefined) return;
    this.closingCode = code;
    this.stopReceiving();
    this.services.events.closed(this.client, code, this.endpoint.path, reason);
  }

  /** Ignores all further frames. */
  stopReceiving(): void {
    this.isStopped = true;
  }

  private count(code: Code, eventType: string | undefined, reason: Reason | undefined): void {
    const { path, services } = this.endpoint;
    this.client.counters.refused++;
    services.events.refused(this.client, code, { path, eventType, reason });
  }

  private closeIfDue(code: Code, why: Reason | undefined): void {
    const strike = () => this.budget.strike(this.services.clock.monotonic());
    const closing = closingOf(code, this.isAnonymous, strike);
    if (!closing) return;
    const { close, isRepeated, reason } = closing;
    const afterMany = () =>
      `more than connection.maxStrikes offences, the last one ${code}: ${textOf(why)}`;
    this.close(close, reason, isRepeated ? afterMany : why);
  }

  private close(closeCode: number | undefined, code: Code, reason?: Reason): void {
    // A listener of security events may have closed the connection already.
    if (!this.isOpen) return;
    this.closing(code, reason);
    this.transport.close(closeCode, code);
  }
}
