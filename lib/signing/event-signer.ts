import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { Client } from '../connection/index.js';
import {
  assertAttributes,
  CompatibleMode,
  completeEvent,
  freshnessOf,
  isWithin,
  type SemanticEvent,
  type SemanticEventInit,
  type SignedSemanticEvent,
} from '../event/index.js';
import { NO_TELEMETRY, Telemetry } from '../monitoring/index.js';
import {
  checkKeys,
  isProduction,
  Problems,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
  SESSION_KEY_PREFIX,
  type SignatureScheme,
  type SigningKeyOptions,
} from '../options/index.js';
import { callError, type Reason, RefusalError, RefusedCallError } from '../protocol/index.js';
import type { NonceScope } from '../replay/index.js';
import { canonicalizeWithout } from './canonicalize.js';
import { fingerprintOf, generateSecret, type RingKey, type SigningKey } from './key-ring.js';
import { computeMac, isMacOf, type MacInput } from './mac.js';
import { PurposeKeys } from './purpose-keys.js';
import {
  type Direction,
  formatSignature,
  macInput,
  parseSignature,
  receivedInput,
  signingInput,
} from './signature.js';
import { formProblem, keyProblem, macProblem, windowProblem } from './signature-problem.js';
import { type AcceptedKeys, SigningKeys } from './signing-keys.js';

export interface SignOptions {
  /** The client whose session key signs. Without a client, a ring key signs. */
  client?: Client;
  /** @default 's2c' */
  direction?: Direction;
  /**
   * The signature scheme. In the compatible mode (`'integradio'`) a ring key always signs. That mode has no direction, so
   * only events of the server may have the server's `source`.
   *
   * @default 'v1'
   */
  scheme?: SignatureScheme;
}

export interface VerifyOptions {
  /** The connection that sent the event. Without it no session key is accepted. */
  client?: Client;
  /** @default 'any' */
  keys?: AcceptedKeys;
  /** @default 'c2s' */
  direction?: Direction;
  /**
   * The JSON of the event in UTF-8, if no code can have changed the event since it was parsed. If the JSON is canonical
   * already, it is not built again.
   */
  json?: Uint8Array;
}

/** Signs events and verifies signatures, with HMAC-SHA256 over the canonical form. */
@Injectable()
export class EventSigner {
  private readonly signingKeys: SigningKeys;
  private readonly check: (event: SemanticEvent, options: VerifyOptions) => SigningKey;
  /**
   * The scheme of each verified event that a ring key signed. A sender that used the compatible mode can verify no other
   * scheme.
   */
  private readonly ringSigned = new WeakMap<SemanticEvent, SignatureScheme>();

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly clock: Clock,
    @Optional() telemetry: Telemetry = NO_TELEMETRY,
    @Optional() @Inject(CompatibleMode) private readonly compatible?: CompatibleMode | null,
  ) {
    this.signingKeys = new SigningKeys(options.signing.keys);
    this.check = telemetry.timed('verification', this.keyOf.bind(this));
  }

  /** Generates a secret for the key ring: 32 random bytes as 64 hexadecimal digits. */
  static generateKey(): string {
    return generateSecret();
  }

  /**
   * Replaces the key ring without a restart. Signatures of keys that are also in the new ring stay valid. Connections keep
   * their session keys. Add a new key at the first position. Remove the old key after `maxAge` and `auth.ticketLifetime`
   * have passed.
   *
   * @throws SemanticEventsConfigError with every problem of the keys; the current ring then stays in use
   */
  rotate(keys: readonly SigningKeyOptions[]): void {
    const problems = new Problems(isProduction());
    checkKeys(keys, problems, this.clock.now());
    problems.throwIfAny();
    this.signingKeys.rotate(keys);
  }

  /** The keys of the ring. The first one in force signs. */
  get keys(): readonly RingKey[] {
    return this.signingKeys.list();
  }

  /**
   * Returns a signed copy of an event. It adds an `id`, a `time` and a `semanticnonce` if they are missing.
   *
   * @throws InvalidArgumentError naming the attribute that is missing or malformed
   * @throws RefusedCallError `UNAVAILABLE` if no ring key is in force, `UNAUTHENTICATED` for a client without a session key
   * @throws TypeError if the event has no canonical form (a cycle, a bigint, a number that is not finite), or if its source
   * does not match its direction in the compatible mode, or if `signing.accept` does not contain that mode
   */
  sign<T>(event: SemanticEventInit<T>, options: SignOptions = {}): SignedSemanticEvent<T> {
    const unsigned = this.complete(event, options.scheme);
    assertAttributes(unsigned, 'EventSigner.sign');
    const { semanticsignature } = explained('EventSigner.sign', () =>
      this.signatureOf(unsigned, options),
    );
    return { ...unsigned, semanticsignature } as SignedSemanticEvent<T>;
  }

  /**
   * Signs like `sign`, and returns JSON text. The text is exactly what was signed.
   *
   * @throws like `sign`
   */
  signToText(event: SemanticEventInit, options: SignOptions = {}): string {
    const unsigned = this.complete(event, options.scheme);
    assertAttributes(unsigned, 'EventSigner.signToText');
    const { text, semanticsignature } = explained('EventSigner.signToText', () =>
      this.signatureOf(unsigned, options),
    );
    return withSignature(text.slice(0, -1), semanticsignature);
  }

  /**
   * Adds the signature to a reply. The session key of the client signs, or a ring key if a ring key signed the request. Any
   * other client receives an unsigned event: a ring signature would prove to others that the server vouches for it.
   *
   * @param openText the canonical form of an event without its closing brace
   * @throws RefusalError `UNAVAILABLE` if no ring key is in force
   * @internal
   */
  sealReply(openText: string, request: SemanticEvent, client: Client): string {
    const key =
      this.signingKeys.ofClient(client) ??
      (this.ringSigned.has(request) ? this.signingKeys.current(this.clock.now()) : undefined);
    if (!key) return `${openText}}`;
    const mac = computeMac(key.key, macInput(`${openText}}`, 's2c'));
    return withSignature(openText, formatSignature(key.id, mac));
  }

  /**
   * Returns the `semanticsignature` of a broadcast for one client.
   *
   * @param input the result of `broadcastInput` for the event
   * @throws RefusalError `UNAVAILABLE` if no ring key is in force
   * @internal
   */
  signFor(client: Client, input: Uint8Array): string {
    const { id, key } = this.signingKeys.for(client, this.clock);
    return formatSignature(id, computeMac(key, input));
  }

  /**
   * Returns a scheme that the receiver of an answer can verify. This is the scheme of the request if the request was
   * verified and the answer has the server's own source; otherwise `'v1'`.
   */
  schemeFor(request: SemanticEvent, answer: SemanticEventInit): SignatureScheme {
    return this.isCompatible(request) && this.isOwn(answer) ? 'integradio' : 'v1';
  }

  /** Returns whether an event was verified in the compatible mode. */
  isCompatible(event: SemanticEvent): boolean {
    return this.ringSigned.get(event) === 'integradio';
  }

  /**
   * Verifies that an event is within its time window and was signed with a key we accept. A nonce is not used up. By default the
   * event is one of a client: to verify what the server signed, pass `{ direction: 's2c' }`.
   *
   * @returns the id of the key it was signed with
   * @throws RefusedCallError `INVALID_EVENT` without a time or nonce, `EVENT_EXPIRED`, `INVALID_SIGNATURE`, with the reason in its
   *   message
   */
  verify(event: SemanticEvent, options: VerifyOptions = {}): string {
    try {
      return this.check(event, options).id;
    } catch (error) {
      // The event is what a client sent, and no argument that the application chose.
      if (RefusalError.is(error)) throw new RefusedCallError('EventSigner.verify', error);
      throw error;
    }
  }

  /**
   * Verifies like `verify`, for guards: its errors have no stack, because clients cause them.
   *
   * @returns the scope of the nonce: the connection of a session key, or the fingerprint of a ring key, which does not
   * change when the key is renamed
   * @throws RefusalError `INVALID_EVENT` without a time or nonce, `EVENT_EXPIRED`, `INVALID_SIGNATURE`
   */
  verifyScope(event: SemanticEvent, options: VerifyOptions = {}): NonceScope {
    const { id, key } = this.check(event, options);
    const { client } = options;
    return client && id.startsWith(SESSION_KEY_PREFIX) ? client : fingerprintOf(key);
  }

  /**
   * Derives the session key of a connection. It stays the same until the connection ends.
   *
   * @throws RefusalError `UNAVAILABLE` if no ring key is in force
   */
  sessionKeyOf(client: Client): SigningKey {
    return this.signingKeys.open(client, this.clock.now());
  }

  /**
   * Returns keys for another purpose than events, such as tickets. They follow the key ring when it is replaced.
   *
   * @param info the name of the purpose; the keys of one purpose reveal nothing about those of another
   */
  purposeKeys(info: string): PurposeKeys {
    return new PurposeKeys(info, this.signingKeys, this.clock);
  }

  /** Returns the key that signed an event. */
  private keyOf(
    event: SemanticEvent,
    { client, keys = 'any', direction = 'c2s', json }: VerifyOptions,
  ): SigningKey {
    const now = this.clock.now();
    const { time } = freshnessOf(event);
    if (!isWithin(this.options.signing, time, now))
      throw new RefusalError('EVENT_EXPIRED', {
        reason: windowProblem(time, now, this.options.signing),
      });

    if (this.compatible?.isSigned(event))
      return this.verifyCompatible(this.compatible, event, keys, direction, now);

    const signature = parseSignature(event.semanticsignature);
    if (!signature) throw unsigned(() => formProblem(event.semanticsignature));
    const key = this.signingKeys.find(signature.keyId, now, keys, client);
    if (!key) throw unsigned(() => keyProblem(signature.keyId, keys));
    if (!isMacOf(key.key, this.signedInput(event, direction, json), signature.mac))
      throw unsigned(() => macProblem(event, direction, key.key, signature.mac));
    if (direction === 'c2s' && !key.id.startsWith(SESSION_KEY_PREFIX))
      this.ringSigned.set(event, 'v1');
    return key;
  }

  private complete<T>(event: SemanticEventInit<T>, scheme?: SignatureScheme): SemanticEvent<T> {
    const complete = completeEvent(event, this.clock.now());
    const mode = scheme === 'integradio' ? this.compatible : undefined;
    complete.semanticnonce ??= mode ? mode.createNonce() : randomUUID();
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
    if (!this.compatible)
      throw new TypeError("To sign in the compatible mode, add 'integradio' to signing.accept");
    if (!this.isOfDirection(event, direction))
      throw new TypeError(
        "In the compatible mode the server's own events, and no others, must have the server's source",
      );
    const { text, signedText } = this.compatible.write(event);
    const { key } = this.signingKeys.current(this.clock.now());
    return { text, semanticsignature: computeMac(key, signedText, 'hex') };
  }

  private verifyCompatible(
    mode: CompatibleMode,
    event: SemanticEvent,
    accepted: AcceptedKeys,
    direction: Direction,
    now: number,
  ): SigningKey {
    const isAcceptable = accepted !== 'session' && this.isOfDirection(event, direction);
    const text = isAcceptable ? mode.signedText(event) : undefined;
    // The signature has no key id.
    const key =
      text === undefined
        ? undefined
        : this.signingKeys
            .inForce(now)
            .find(({ key }) => isMacOf(key, text, event.semanticsignature ?? '', 'hex'));
    if (!key)
      throw unsigned(
        isAcceptable
          ? 'no key in force matches the MAC of the integradio signature'
          : 'an integradio event has the source of the other direction, or the handler accepts the session key only',
      );
    this.ringSigned.set(event, 'integradio');
    return key;
  }

  /**
   * Returns whether source and direction match. The compatible MAC has no direction, so without this check a client could
   * send an answer back to the server.
   */
  private isOfDirection(event: SemanticEvent, direction: Direction): boolean {
    return this.isOwn(event) === (direction === 's2c');
  }

  private isOwn({ source }: SemanticEventInit): boolean {
    return source === this.options.signing.source;
  }

  private signedInput(event: SemanticEvent, direction: Direction, json?: Uint8Array): MacInput {
    const received = json && receivedInput(json, direction);
    if (received) return received;
    try {
      return signingInput(event, direction);
    } catch {
      throw new RefusalError('INVALID_EVENT', { reason: 'the event has no canonical form' });
    }
  }
}

/** Runs a call of the application. Its errors get a stack, and a message that names the call. */
function explained<T>(call: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw callError(call, error);
  }
}

function unsigned(reason: Reason): RefusalError {
  return new RefusalError('INVALID_SIGNATURE', { reason });
}

function withSignature(openText: string, semanticsignature: string): string {
  return `${openText},"semanticsignature":"${semanticsignature}"}`;
}
