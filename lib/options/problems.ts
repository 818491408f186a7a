import { SemanticEventsConfigError } from '../protocol/errors.js';

/** The least that may be signed with by HMAC-SHA256 (RFC 7518, section 3.2). */
export const MIN_SECRET_BYTES = 32;

/** The longest that a timer of Node waits, in milliseconds: told to wait longer, it does not wait at all. */
export const MAX_DELAY = 2 ** 31 - 1;

/** Collects everything that is wrong with the options, so that a start-up failure names it all at once. */
export class Problems {
  private readonly found: string[] = [];

  /** @param isProduction whether what is only fit for development counts as wrong */
  constructor(readonly isProduction = false) {}

  get count(): number {
    return this.found.length;
  }

  add(path: string, complaint: string): void {
    this.found.push(`${path} ${complaint}`);
  }

  /** Notes members that no option has; returns whether the value is an object at all. */
  unknown(path: string, value: unknown, known: readonly string[]): boolean {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.add(path === '' ? 'options' : path, 'must be an object');
      return false;
    }
    for (const name of Object.keys(value))
      if (!known.includes(name))
        this.add(path === '' ? name : `${path}.${name}`, 'is not an option');
    return true;
  }

  /** A whole number; undefined stands for the default and is fine. */
  integer(path: string, value: unknown, { min, max = Number.MAX_SAFE_INTEGER }: Range): void {
    if (value === undefined) return;
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
      this.add(
        path,
        `must be a whole number of at least ${min}${max < Number.MAX_SAFE_INTEGER ? ` and at most ${max}` : ''}`,
      );
  }

  /** How long to wait, in milliseconds. */
  delay(path: string, value: unknown, min = 1): void {
    this.integer(path, value, { min, max: MAX_DELAY });
  }

  /** A finite number above zero; undefined stands for the default and is fine. */
  positive(path: string, value: unknown, { required = false } = {}): void {
    if ((required || value !== undefined) && !(Number.isFinite(value) && (value as number) > 0))
      this.add(path, 'must be a number above 0');
  }

  /** One of a list; undefined stands for the default and is fine. */
  oneOf(path: string, value: unknown, choices: readonly unknown[]): void {
    if (value !== undefined && !choices.includes(value))
      this.add(path, `must be one of ${choices.join(', ')}`);
  }

  boolean(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'boolean') this.add(path, 'must be true or false');
  }

  text(path: string, value: unknown): void {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      this.add(path, 'must be a non-empty string');
  }

  /** A secret to sign by. @returns whether it is a good one */
  secret(path: string, value: unknown): value is string | Uint8Array {
    if (typeof value !== 'string' && !(value instanceof Uint8Array))
      this.add(path, 'must be a string or bytes');
    else if (Buffer.byteLength(value) >= MIN_SECRET_BYTES) return true;
    else this.add(path, `must have at least ${MIN_SECRET_BYTES} bytes`);
    return false;
  }

  fn(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'function') this.add(path, 'must be a function');
  }

  /** @throws SemanticEventsConfigError naming every problem, when there is one */
  throwIfAny(): void {
    if (this.found.length > 0) throw new SemanticEventsConfigError(this.found);
  }
}

interface Range {
  min: number;
  max?: number;
}
