import { type Code, factsOf } from './codes.js';

/** The base of every error this library throws; `code` is stable across versions. */
export abstract class SemanticEventsError extends Error {
  abstract readonly code: string;
}

/** Engines but V8 have no such limit, nor do the types of browsers. */
const STACKS = Error as { stackTraceLimit?: number | undefined };

/**
 * A refusal of something a peer has sent. Its message is fixed by its code, and it has no stack: peers decide how many
 * refusals there are, and to take down a stack costs more than all else about one.
 */
export class RefusalError extends SemanticEventsError {
  override readonly name = 'RefusalError';

  /**
   * @param code why, by the code table of PROTOCOL.md
   * @param retryAfter milliseconds after which trying again makes sense
   */
  constructor(
    readonly code: Code,
    readonly retryAfter?: number,
  ) {
    const { message } = factsOf(code);
    // Where built-ins are frozen the limit stays as it is, which is no error.
    const { stackTraceLimit } = STACKS;
    Reflect.set(STACKS, 'stackTraceLimit', 0);
    super(message);
    Reflect.set(STACKS, 'stackTraceLimit', stackTraceLimit);
  }
}

/** A mistake in the options or decorators of the application, listing every problem found. */
export class SemanticEventsConfigError extends SemanticEventsError {
  override readonly name = 'SemanticEventsConfigError';
  readonly code = 'INVALID_CONFIG';
  readonly #problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `nestjs-semantic-events is not configured safely:\n${problems.map(problem => `  - ${problem}`).join('\n')}`,
    );
    this.#problems = problems;
  }

  /** No property of its own: who prints the error, as Node does, prints its message already. */
  get problems(): readonly string[] {
    return this.#problems;
  }
}
