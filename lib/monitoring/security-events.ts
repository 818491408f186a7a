import { Inject, Injectable } from '@nestjs/common';
import { Subject, type Subscription } from 'rxjs';
import { Clock } from '../clock.js';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import type { Code, HandshakeCode } from '../protocol/index.js';
import { AddressMask } from './address-mask.js';
import { safeText } from './safe-text.js';
import type { SecurityEvent, SecuritySubject } from './security-event.js';
import { SafeStream } from './safe-stream.js';

/** Where in the application something happened, as far as that is known. */
interface Place {
  readonly path?: string;
  readonly eventType?: string;
}

interface Attempt {
  readonly address: string;
  readonly user?: string;
}

/**
 * Everything that happens to the security of the application, as it happens. Nothing is made up that nobody
 * listens to, and a subscriber that throws harms nobody.
 */
@Injectable()
export class SecurityEvents {
  private readonly subject = new Subject<SecurityEvent>();
  private readonly mask: AddressMask;

  /** Hot: who subscribes is told what happens from then on. Never completes. */
  readonly events = new SafeStream<SecurityEvent>(subscriber => this.subject.subscribe(subscriber));

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) { monitoring }: ResolvedOptions,
    private readonly clock: Clock,
  ) {
    this.mask = new AddressMask(monitoring.address);
  }

  /** Calls a function with every event from now on. What it throws is logged, and nothing else. */
  subscribe(listener: (event: SecurityEvent) => void): Subscription {
    return this.events.subscribe(listener);
  }

  /** Tells that something a client sent was refused. */
  refused(client: SecuritySubject, code: Code, { path, eventType }: Place = {}): void {
    if (!this.subject.observed) return;
    // Written out: of refusals there may be a flood.
    this.tell({
      kind: 'refused',
      code,
      time: this.clock.now(),
      address: this.mask.apply(client.address),
      clientId: client.id,
      userId: userIdOf(client),
      path,
      eventType: eventType === undefined ? undefined : safeText(eventType),
    });
  }

  /** Tells that the server closed a connection. */
  closed(client: SecuritySubject, code: Code, path?: string): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'closed', code, ...this.factsOf(client, path) });
  }

  /** Tells that a peer was taken for dead. */
  lost(client: SecuritySubject, path?: string): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'lost', ...this.factsOf(client, path) });
  }

  /** Tells that a client was authenticated; it has its user by now. */
  authenticated(client: SecuritySubject, path?: string): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'authenticated', ...this.factsOf(client, path) });
  }

  /** Tells that a handshake was refused. */
  handshakeRefused(address: string, code: HandshakeCode, path: string, origin?: string): void {
    if (!this.subject.observed) return;
    this.tell({
      kind: 'handshakeRefused',
      code,
      ...this.when(address),
      path,
      origin: origin === undefined ? undefined : safeText(origin),
    });
  }

  /** Tells that an attempt to authenticate failed. */
  attemptFailed(attempt: Attempt): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'attemptFailed', ...this.attemptFacts(attempt) });
  }

  /** Tells that an attempt to authenticate was not even looked at, after too many. */
  attemptsExhausted(attempt: Attempt): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'attemptsExhausted', code: 'RATE_LIMITED', ...this.attemptFacts(attempt) });
  }

  /** Tells that a session was ended, and how many connections that closed. */
  sessionEnded(connections: number): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'sessionEnded', ...this.when(), connections });
  }

  /** Tells that a store fails. @param store what it keeps, such as `nonces`: a name of ours, no peer's text */
  storeDown(store: string): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'storeDown', ...this.when(), store });
  }

  /** Tells that a store answers again. */
  storeUp(store: string): void {
    if (!this.subject.observed) return;
    this.tell({ kind: 'storeUp', ...this.when(), store });
  }

  private tell(event: SecurityEvent): void {
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

function userIdOf({ user }: SecuritySubject): string | undefined {
  return user && safeText(String(user.id));
}
