import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';
import {
  createEvent,
  freshnessOf,
  isCompatibleSignature,
  isWithin,
  type SemanticEvent,
  type SemanticEventInit,
  type SignedSemanticEvent,
} from '../event/index.js';
import { NO_TELEMETRY, Telemetry } from '../monitoring/index.js';
import {
  checkKeys,
  Problems,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  type SignatureScheme,
  type SigningKeyOptions,
} from '../options/index.js';
import { RefusalError } from '../protocol/index.js';
import { deriveKey } from './derive-key.js';
import { canonicalizeWithout } from './canonicalize.js';
import { compatibleText, findCompatibleKey } from './compatible-signature.js';
import { generateSecret, type RingKey, type SigningKey } from './key-ring.js';
import { computeMac, isMacOf, type MacInput } from './mac.js';
import {
  type Direction,
  formatSignature,
  macInput,
  parseSignature,
  receivedInput,
  signingInput,
} from './signature.js';
import { type AcceptedKeys, SigningKeys } from './signing-keys.js';

const COMPATIBLE_NONCE_BYTES = 8;

export interface SignOptions {
  /** Signs for this client, with its session key where it has one. */
  client?: Client;
  /** @default 's2c' */
  direction?: Direction;
  /**
   * How to sign. In the compatible mode (`'integradio'`) it is always a key of the ring that signs, and the `source`
   * tells the direction: only what the server sends may have the server's own.
   *
   * @default 'v1'
   */
  scheme?: SignatureScheme;
}

export interface VerifyOptions {
  /** The connection the event came from; without one no session key is known. */
  client?: Client;
  /** @default 'any' */
  keys?: AcceptedKeys;
  /** @default 'c2s' */
  direction?: Direction;
  /**
   * The JSON the event was parsed from, in UTF-8, if nobody can have changed the event since: where it is in
   * canonical form, that form need not be made anew.
   */
  json?: Uint8Array;
}

/** Signs events and verifies the signatures of others, by HMAC-SHA256 over their canonical form. */
@Injectable()
export class EventSigner {
  private readonly signingKeys: SigningKeys;
  private readonly check: (event: SemanticEvent, options: VerifyOptions) => string;
  /** Events that were verified in the compatible mode: whoever sent them reads no other signature. */
  private readonly compatible = new WeakSet<SemanticEvent>();

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    @Optional() telemetry: Telemetry = NO_TELEMETRY,
  ) {
    this.signingKeys = new SigningKeys(options.signing.keys);
    this.check = telemetry.timed('verification', this.keyIdOf.bind(this));
  }

  /** A fresh secret for the key ring: 32 random bytes as 64 hexadecimal digits. */
  static generateKey(): string {
    return generateSecret();
  }

  /**
   * Puts another key ring in the place of the one in use, without a restart. What was signed with a key that is in
   * the new ring, too, stays good; so does every connection, which keeps its session key. Put a new key first, and
   * take the old one out when `maxAge` and `auth.ticketLifetime` have passed.
   *
   * @throws SemanticEventsConfigError naming all that is wrong with the keys; the ring in use stays
   */
  rotate(keys: readonly SigningKeyOptions[]): void {
    const problems = new Problems();
    checkKeys(keys, problems, this.clock.now());
    problems.throwIfAny();
    this.signingKeys.rotate(keys);
  }

  /** The key ring in use: the first in force signs. */
  get keys(): readonly RingKey[] {
    return this.signingKeys.list();
  }

  /**
   * A signed copy of an event, with an `id`, a `time` and a `semanticnonce` where it had none.
   *
   * @throws RefusalError `UNAVAILABLE` when no key of the ring is in force
   * @throws TypeError when the event has no canonical form: a cycle, a bigint, a number that is not finite; or, in the
   *   compatible mode, when its source does not fit its direction
   */
  sign<T>(event: SemanticEventInit<T>, options: SignOptions = {}): SignedSemanticEvent<T> {
    const unsigned = this.complete(event, options.scheme);
    const { semanticsignature } = this.signatureOf(unsigned, options);
    return { ...unsigned, semanticsignature } as SignedSemanticEvent<T>;
  }

  /**
   * Like `sign`, as JSON text: what is signed is, letter by letter, what is sent.
   *
   * @throws as `sign`
   */
  signToText(event: SemanticEventInit, options: SignOptions = {}): string {
    const unsigned = this.complete(event, options.scheme);
    const { text, semanticsignature } = this.signatureOf(unsigned, options);
    return withSignature(text.slice(0, -1), semanticsignature);
  }

  /**
   * Signs a text for a client, and puts its signature into it.
   *
   * @param openText the canonical form of an event, without its closing brace
   * @throws RefusalError `UNAVAILABLE` when no key of the ring is in force
   * @internal
   */
  seal(openText: string, client: Client): string {
    const { id, key } = this.signingKeys.for(client, this.clock);
    const mac = computeMac(key, macInput(`${openText}}`, 's2c'));
    return withSignature(openText, formatSignature(id, mac));
  }

  /**
   * The `semanticsignature` of one event for one of many clients.
   *
   * @param input what `broadcastInput` made of the event
   * @throws RefusalError `UNAVAILABLE` when no key of the ring is in force
   * @internal
   */
  signFor(client: Client, input: Uint8Array): string {
    const { id, key } = this.signingKeys.for(client, this.clock);
    return formatSignature(id, computeMac(key, input));
  }

  /**
   * The way of signing an answer that its receiver can verify: the way of its request, once that was verified, for
   * what the server says in its own name; `'v1'` for all else.
   */
  schemeFor(request: SemanticEvent, answer: SemanticEventInit): SignatureScheme {
    return this.isCompatible(request) && this.isOwn(answer) ? 'integradio' : 'v1';
  }

  /** Whether an event was verified in the compatible mode. */
  isCompatible(event: SemanticEvent): boolean {
    return this.accepts('integradio') && this.compatible.has(event);
  }

  /**
   * Checks that an event is within its time window and was signed with a key we accept. A nonce is not used up.
   *
   * @returns the id of the key it was signed with
   * @throws RefusalError `INVALID_EVENT` without a time or nonce, `EVENT_EXPIRED`, `INVALID_SIGNATURE`
   */
  verify(event: SemanticEvent, options: VerifyOptions = {}): string {
    return this.check(event, options);
  }

  /**
   * Derives the session key of a connection. Once made it stays the same as long as the connection lasts.
   *
   * @throws RefusalError `UNAVAILABLE` when no key of the ring is in force
   */
  sessionKeyOf(client: Client): SigningKey {
    return this.signingKeys.open(client, this.clock.now());
  }

  /**
   * A key for another purpose than events, such as tickets, derived from the key that signs now. It has the id
   * of that key, by which `findPurposeKey` finds it again.
   *
   * @param info names the purpose: whoever holds the key of one learns nothing of another's
   * @throws RefusalError `UNAVAILABLE` when no key of the ring is in force
   */
  purposeKey(info: string): SigningKey {
    const { id, key } = this.signingKeys.current(this.clock.now());
    return { id, key: deriveKey(key, '', info) };
  }

  /** The key for a purpose that was derived from a certain key of the ring, while that is in force. */
  findPurposeKey(info: string, keyId: string): SigningKey | undefined {
    const found = this.signingKeys.find(keyId, this.clock.now());
    return found && { id: found.id, key: deriveKey(found.key, '', info) };
  }

  /** The key that an event was signed with. */
  private keyIdOf(
    event: SemanticEvent,
    { client, keys = 'any', direction = 'c2s', json }: VerifyOptions,
  ): string {
    const now = this.clock.now();
    if (!isWithin(this.options.signing, freshnessOf(event).time, now))
      throw new RefusalError('EVENT_EXPIRED');

    if (this.accepts('integradio') && isCompatibleSignature(event.semanticsignature))
      return this.verifyCompatible(event, keys, direction, now);

    const signature = parseSignature(event.semanticsignature);
    const key = signature && this.signingKeys.find(signature.keyId, now, keys, client);
    if (!key || !isMacOf(key.key, this.signedInput(event, direction, json), signature.mac))
      throw new RefusalError('INVALID_SIGNATURE');
    return key.id;
  }

  private complete<T>(event: SemanticEventInit<T>, scheme?: SignatureScheme): SemanticEvent<T> {
    const complete = createEvent(event, this.clock.now());
    complete.semanticnonce ??=
      scheme === 'integradio' ? randomBytes(COMPATIBLE_NONCE_BYTES).toString('hex') : randomUUID();
    return complete;
  }

  private signatureOf(event: SemanticEvent, { client, direction = 's2c', scheme }: SignOptions) {
    if (scheme === 'integradio') return this.compatibleSignatureOf(event, direction);
    const { id, key } = this.signingKeys.for(client, this.clock);
    const text = canonicalizeWithout(event, 'semanticsignature');
    const mac = computeMac(key, macInput(text, direction));
    return { text, semanticsignature: formatSignature(id, mac) };
  }

  private compatibleSignatureOf(event: SemanticEvent, direction: Direction) {
    if (!this.fits(event, direction))
      throw new TypeError('In the compatible mode only events of the server have its source');
    const { text, input } = compatibleText(event);
    const { key } = this.signingKeys.current(this.clock.now());
    return { text, semanticsignature: computeMac(key, input, 'hex') };
  }

  private verifyCompatible(
    event: SemanticEvent,
    accepted: AcceptedKeys,
    direction: Direction,
    now: number,
  ): string {
    const isAcceptable = accepted !== 'session' && this.fits(event, direction);
    const key = isAcceptable ? findCompatibleKey(event, this.signingKeys.inForce(now)) : undefined;
    if (!key) throw new RefusalError('INVALID_SIGNATURE');
    this.compatible.add(event);
    return key.id;
  }

  /** The MAC of the compatible mode has no direction: without this our answers could be sent back to us. */
  private fits(event: SemanticEvent, direction: Direction): boolean {
    return this.isOwn(event) === (direction === 's2c');
  }

  private isOwn({ source }: SemanticEventInit): boolean {
    return source === this.options.signing.source;
  }

  private accepts(scheme: SignatureScheme): boolean {
    return this.options.signing.accept.includes(scheme);
  }

  private signedInput(event: SemanticEvent, direction: Direction, json?: Uint8Array): MacInput {
    const received = json && receivedInput(json, direction);
    if (received) return received;
    try {
      return signingInput(event, direction);
    } catch {
      throw new RefusalError('INVALID_EVENT');
    }
  }
}

function withSignature(openText: string, semanticsignature: string): string {
  return `${openText},"semanticsignature":"${semanticsignature}"}`;
}
