import { SemanticEventsConfigError } from '../protocol/errors.js';
import { isPublishedSecret } from './published-secrets.js';

/** The minimum size of an HMAC-SHA256 key, in bytes (RFC 7518, section 3.2). */
export const MIN_SECRET_BYTES = 32;

/** The maximum delay of a Node timer, in milliseconds. A timer with a longer delay fires at once. */
export const MAX_DELAY = 2 ** 31 - 1;

/** White space around a text. Random bytes are no text, and may begin or end with anything. */
const SURROUNDED = /^(?=[\t\n\r\x20-\x7e]+$)(?:\s|.*\s$)/s;
/** Quotation marks around a text: Docker keeps those of an env file. */
const QUOTED = /^(["'`])[\x20-\x7e]*\1$/;

/** Collects all problems of the options, so that one start-up error lists every one. */
export class Problems {
  private readonly found: { path: string; complaint: string }[] = [];

  /** @param isProduction whether settings for development only are problems */
  constructor(readonly isProduction = false) {}

  get count(): number {
    return this.found.length;
  }

  /** The paths of the options that have problems, such as `signing.keys`. */
  get paths(): string[] {
    return this.found.map(({ path }) => path);
  }

  /** The problems as sentences, such as `signing.keys must name at least one key`. */
  get sentences(): string[] {
    return this.found.map(({ path, complaint }) => `${path} ${complaint}`);
  }

  add(path: string, complaint: string): void {
    this.found.push({ path, complaint });
  }

  /** Adds a problem, with the type of a value from the environment: a variable is a string, and an unset one is undefined. */
  wrong(path: string, value: unknown, complaint: string): void {
    const given = typeof value === 'string' ? 'a string' : value === undefined && 'undefined';
    this.add(path, given ? `${complaint}, not ${given}` : complaint);
  }

  /** Adds unknown members as problems. Returns whether the value is an object. */
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

  /** Requires a whole number; undefined selects the default. */
  integer(path: string, value: unknown, { min, max = Number.MAX_SAFE_INTEGER }: Range): void {
    if (value === undefined) return;
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
      this.wrong(
        path,
        value,
        `must be a whole number of at least ${min}${max < Number.MAX_SAFE_INTEGER ? ` and at most ${max}` : ''}`,
      );
  }

  /** Requires a delay that a timer can wait, in milliseconds. */
  delay(path: string, value: unknown, min = 1): void {
    this.integer(path, value, { min, max: MAX_DELAY });
  }

  /** Requires a finite number above zero; undefined selects the default. */
  positive(path: string, value: unknown, { required = false } = {}): void {
    if ((required || value !== undefined) && !(Number.isFinite(value) && (value as number) > 0))
      this.wrong(path, value, 'must be a number above 0');
  }

  /** Requires one of a list; undefined selects the default. */
  oneOf(path: string, value: unknown, choices: readonly unknown[]): void {
    if (value !== undefined && !choices.includes(value))
      this.add(path, `must be one of ${choices.join(', ')}`);
  }

  boolean(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'boolean')
      this.wrong(path, value, 'must be true or false');
  }

  text(path: string, value: unknown): void {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      this.add(path, 'must be a non-empty string');
  }

  /** Requires a secret for HMAC-SHA256. @returns whether it is valid */
  secret(path: string, value: unknown): value is string | Uint8Array {
    const missing = value === '' ? 'empty' : value === undefined && 'undefined';
    if (missing) this.add(path, `is ${missing}: set it, or load the .env file that contains it`);
    else if (typeof value !== 'string' && !(value instanceof Uint8Array))
      this.add(path, 'must be a string or bytes');
    else if (this.surrounded(path, value)) return false;
    else if (this.isProduction && isPublishedSecret(value))
      this.add(path, 'is published in the documentation: use EventSigner.generateKey()');
    else if (Buffer.byteLength(value) >= MIN_SECRET_BYTES) return true;
    else this.add(path, `must have at least ${MIN_SECRET_BYTES} bytes`);
    return false;
  }

  /** Adds characters around a text as a problem: other copies of the text lack them. Returns whether there are any. */
  surrounded(path: string, value: string | Uint8Array): boolean {
    const text = Buffer.from(value).toString('latin1');
    if (SURROUNDED.test(text))
      this.add(path, 'has white space around it, as a file has a newline at its end: trim it');
    else if (QUOTED.test(text))
      this.add(
        path,
        'has quotation marks around it, as Docker keeps those of an env file: remove them',
      );
    else return false;
    return true;
  }

  fn(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'function') this.add(path, 'must be a function');
  }

  /** @throws SemanticEventsConfigError that lists every problem, if there are any */
  throwIfAny(): void {
    if (this.count > 0) throw new SemanticEventsConfigError(this.sentences);
  }
}

interface Range {
  min: number;
  max?: number;
}
