import { Inject, Injectable } from '@nestjs/common';
import { Subject, type Subscription } from 'rxjs';
import { Clock } from '../clock.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { type Code, type HandshakeCode, type Reason, textOf } from '../protocol/index.js';
import { AddressMask } from './address-mask.js';
import { safeText } from './safe-text.js';
import type {
  HandshakeRefusedEvent,
  RefusedEvent,
  SecurityEvent,
  SecuritySubject,
} from './security-event.js';
import { SafeStream } from './safe-stream.js';

/** The place of a refusal in the application, as far as it is known. */
interface Place {
  readonly path?: string;
  readonly eventType?: string;
  readonly reason?: Reason;
}

/** The maximum length of a reason, in characters. */
const MAX_REASON_LENGTH = 400;

interface Attempt {
  readonly address: string;
  readonly user?: string;
}

/**
 * Publishes the security events of the application as they happen. Without subscribers it creates no events. An error of a
 * subscriber is logged, and affects nothing else.
 */
@Injectable()
export class SecurityEvents {
  private readonly subject = new Subject<SecurityEvent>();
  private readonly mask: AddressMask;

  /** All security events from the subscription on. The Observable is hot, and never completes. */
  readonly events = new SafeStream<SecurityEvent>(subscriber => this.subject.subscribe(subscriber));

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) { monitoring }: ResolvedOptions,
    private readonly clock: Clock,
  ) {
    this.mask = new AddressMask(monitoring.address);
  }

  /** Calls a function with every event from now on. An error of the function is logged. */
  subscribe(listener: (event: SecurityEvent) => void): Subscription {
    return this.events.subscribe(listener);
  }

  /**
   * Returns an address in the form of `monitoring.address`; undefined if addresses are not shown.
   *
   * @internal
   */
  shownAddress(address: string): string | undefined {
    return this.mask.apply(address);
  }

  /** Reports that the server refused a frame or message of a client. */
  refused(client: SecuritySubject, code: Code, { path, eventType, reason }: Place = {}): void {
    if (!this.subject.observed) return;
    // Written without a spread, because a client can cause a flood of refusals.
    const event: RefusedEvent = {
      kind: 'refused',
      code,
      time: this.clock.now(),
      address: this.mask.apply(client.address),
      clientId: client.id,
      userId: userIdOf(client),
      path,
      eventType: eventType === undefined ? undefined : safeText(eventType),
    };
    this.publish(explained(event, reason));
  }

  /** Reports that the server closed a connection. */
  closed(client: SecuritySubject, code: Code, path?: string, reason?: Reason): void {
    if (!this.subject.observed) return;
    this.publish(explained({ kind: 'closed', code, ...this.factsOf(client, path) }, reason));
  }

  /** Reports that the server dropped a client that did not answer a ping. */
  lost(client: SecuritySubject, path?: string): void {
    if (!this.subject.observed) return;
    this.publish({ kind: 'lost', ...this.factsOf(client, path) });
  }

  /** Reports that a client was authenticated. Its user must already be set. */
  authenticated(client: SecuritySubject, path?: string): void {
    if (!this.subject.observed) return;
    this.publish({ kind: 'authenticated', ...this.factsOf(client, path) });
  }

  /** Reports that a handshake was refused. */
  handshakeRefused(
    address: string,
    code: HandshakeCode,
    path: string,
    origin?: string,
    reason?: Reason,
  ): void {
    if (!this.subject.observed) return;
    const event: HandshakeRefusedEvent = {
      kind: 'handshakeRefused',
      code,
      ...this.when(address),
      path: safeText(path),
      origin: origin === undefined ? undefined : safeText(origin),
    };
    this.publish(explained(event, reason));
  }

  /** Reports that an attempt to authenticate failed. */
  attemptFailed(attempt: Attempt, reason?: Reason): void {
    if (!this.subject.observed) return;
    this.publish(explained({ kind: 'attemptFailed', ...this.attemptFacts(attempt) }, reason));
  }

  /** Reports that an attempt to authenticate was refused unchecked, after too many failures. */
  attemptsExhausted(attempt: Attempt): void {
    if (!this.subject.observed) return;
    this.publish({
      kind: 'attemptsExhausted',
      code: 'RATE_LIMITED',
      ...this.attemptFacts(attempt),
    });
  }

  /** Reports that a session or all of a user were ended, and how many connections were closed. */
  sessionEnded(connections: number): void {
    if (!this.subject.observed) return;
    this.publish({ kind: 'sessionEnded', ...this.when(), connections });
  }

  /** Reports that a store fails. @param store its content, such as `nonces`; never text of a client */
  storeDown(store: string): void {
    if (!this.subject.observed) return;
    this.publish({ kind: 'storeDown', ...this.when(), store });
  }

  /** Reports that a store answers again. */
  storeUp(store: string): void {
    if (!this.subject.observed) return;
    this.publish({ kind: 'storeUp', ...this.when(), store });
  }

  /** Reports that a new key ring is in use. */
  keysRotated(keys: number): void {
    if (!this.subject.observed) return;
    this.publish({ kind: 'keysRotated', ...this.when(), keys });
  }

  /** Reports that the key ring could not be read again. */
  keyRefreshFailed(reason: string): void {
    if (!this.subject.observed) return;
    this.publish(explained({ kind: 'keyRefreshFailed', ...this.when() }, reason));
  }

  private publish(event: SecurityEvent): void {
    this.subject.next(Object.freeze(event));
  }

  private factsOf(client: SecuritySubject, path: string | undefined) {
    return {
      ...this.when(client.address),
      clientId: client.id,
      userId: userIdOf(client),
      path,
    };
  }

  private attemptFacts({ address, user }: Attempt) {
    return {
      ...this.when(address),
      userTried: user === undefined ? undefined : safeText(user),
    };
  }

  private when(address?: string) {
    return {
      time: this.clock.now(),
      address: address === undefined ? undefined : this.mask.apply(address),
    };
  }
}

/** Adds a reason. A reason in the form of a function is computed when a listener first reads it, which saves work in a flood. */
function explained<E extends SecurityEvent>(event: E, reason: Reason | undefined): E {
  if (reason === undefined) return event;
  if (typeof reason === 'string')
    return Object.assign(event, { reason: safeText(reason, MAX_REASON_LENGTH) });
  let text: string | undefined;
  return Object.defineProperty(event, 'reason', {
    enumerable: true,
    get: () => (text ??= safeText(textOf(reason) ?? '', MAX_REASON_LENGTH)),
  });
}

function userIdOf({ user }: SecuritySubject): string | undefined {
  return user && safeText(String(user.id));
}
