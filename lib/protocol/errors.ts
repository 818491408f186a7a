import { type Code, factsOf } from './codes.js';

/**
 * Returns whether a thrown value is an instance of a class. Never throws. An application can throw any value, and `instanceof`
 * itself throws for a revoked proxy.
 */
export function isInstance<T>(
  thrown: unknown,
  type: abstract new (...args: never[]) => T,
): thrown is T {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
}

/** The base of every error this library throws; `code` is stable across versions. */
export abstract class SemanticEventsError extends Error {
  abstract readonly code: string;
}

/** Only V8 has these members; the types of browsers do not declare them. */
const STACKS = Error as {
  stackTraceLimit?: number | undefined;
  captureStackTrace?: (error: Error, above: unknown) => void;
};

/**
 * Why something was refused, for operators: a short text, or a function that creates it when it is read. It may name
 * members, types, lengths and rules. It must not hold a token, key, signature, nonce or value of the data.
 */
export type Reason = string | (() => string);

/** Returns the text of a reason, or undefined if there is none. */
export function textOf(reason: Reason | undefined): string | undefined {
  return typeof reason === 'function' ? reason() : reason;
}

/** The members of a `RefusalError` besides its code. */
export interface RefusalErrorDetails {
  /** The time after which a retry can succeed, in milliseconds. */
  readonly retryAfter?: number;
  /** Why, for operators: clients never receive it, unless `errors` is `'verbose'`. */
  readonly reason?: Reason;
}

/**
 * A refusal of something a client has sent. Its message is fixed by its code. It has no stack: clients decide how many
 * refusals there are, and recording a stack costs more than everything else about a refusal.
 */
export class RefusalError extends SemanticEventsError {
  override readonly name = 'RefusalError';
  readonly retryAfter?: number;
  // Private, so that printing or serializing the error does not show it.
  readonly #reason: Reason | undefined;

  /**
   * @param code by the code table of PROTOCOL.md
   * @param details the reason for operators, and `retryAfter`; a number is `retryAfter` alone, in milliseconds
   */
  constructor(
    readonly code: Code,
    details: number | RefusalErrorDetails = {},
  ) {
    const { message } = factsOf(code);
    // If built-ins are frozen, the limit stays as it is.
    const { stackTraceLimit } = STACKS;
    Reflect.set(STACKS, 'stackTraceLimit', 0);
    super(message);
    Reflect.set(STACKS, 'stackTraceLimit', stackTraceLimit);
    const { retryAfter, reason } = typeof details === 'number' ? { retryAfter: details } : details;
    this.retryAfter = retryAfter;
    this.#reason = reason;
  }

  /** Why, for operators. */
  get reason(): Reason | undefined {
    return this.#reason;
  }

  /**
   * Returns whether a thrown value is a `RefusalError`. Never throws. A proxy around one does not count, because reading its members may
   * throw.
   *
   * @internal
   */
  static is(thrown: unknown): thrown is RefusalError {
    return typeof thrown === 'object' && thrown !== null && #reason in thrown;
  }
}

/**
 * A refusal by a method that the application has called itself, such as `EventSigner.verify`. Unlike a refusal of a client it
 * has a stack, and its message names the call and the cause.
 */
export class RefusedCallError extends RefusalError {
  override readonly message: string;

  /** @param call such as `EventSigner.verify` */
  constructor(call: string, { code, message, retryAfter, reason }: RefusalError) {
    super(code, { retryAfter, reason });
    this.message = `${call}: ${textOf(reason) ?? message}`;
    STACKS.captureStackTrace?.(this, RefusedCallError);
  }
}

/** An invalid argument of a call of the application, such as an event without a type. Its message names it, and the rule. */
export class InvalidArgumentError extends SemanticEventsError {
  override readonly name = 'InvalidArgumentError';
  readonly code = 'INVALID_ARGUMENT';

  /** @param call such as `EventMesh.emit` */
  constructor(call: string, rule: string) {
    super(`${call}: ${rule}`);
  }
}

/**
 * Returns the error that a call of the application throws: for an invalid event an `InvalidArgumentError`, for another refusal
 * a `RefusedCallError`. Every other error stays what it is.
 */
export function callError(call: string, error: unknown): unknown {
  if (isInstance(error, RefusedCallError) || !RefusalError.is(error)) return error;
  return error.code === 'INVALID_EVENT'
    ? new InvalidArgumentError(call, textOf(error.reason) ?? error.message)
    : new RefusedCallError(call, error);
}

/** A mistake in the options or decorators of the application, listing every problem found. */
export class SemanticEventsConfigError extends SemanticEventsError {
  override readonly name = 'SemanticEventsConfigError';
  readonly code = 'INVALID_CONFIG';
  readonly #problems: readonly string[];

  /** @param cause the error of the application that is the problem, if one is */
  constructor(problems: readonly string[], cause?: unknown) {
    super(
      `nestjs-semantic-events is not configured safely:\n${problems.map(problem => `  - ${problem}`).join('\n')}`,
      cause === undefined ? undefined : { cause },
    );
    this.#problems = problems;
  }

  /** Not an own property: Node already prints the message of an error. */
  get problems(): readonly string[] {
    return this.#problems;
  }
}
