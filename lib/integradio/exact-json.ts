/** A number with the digits it was written with: `1.0` differs from `1`, and long numbers keep all digits. */
export class ExactNumber {
  constructor(readonly digits: string) {}
}

/** A JSON value without any loss. */
export type ExactJson =
  null | boolean | string | ExactNumber | readonly ExactJson[] | ReadonlyMap<string, ExactJson>;

/** The maximum depth. Deeper values could exhaust the stack. */
const MAX_DEPTH = 128;

/**
 * Reads JSON like `JSON.parse`, but keeps the digits of numbers. It rejects an object with a repeated member, because two
 * readers could use different values.
 *
 * @throws TypeError for invalid JSON, a repeated member, or more than 128 levels
 */
export function parseExact(text: string): ExactJson {
  const scanner = new Scanner(text);
  const value = scanner.value(MAX_DEPTH);
  scanner.end();
  return value;
}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const WORDS = new Map<string, ExactJson>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): ExactJson {
    if (depth === 0) throw new TypeError(`The JSON has more than ${MAX_DEPTH} levels`);
    if (this.skip('{')) return this.members(depth);
    if (this.skip('[')) return this.items(depth);
    const next = this.text[this.at];
    if (next === '"') return this.string();
    const digits = this.match(NUMBER);
    if (digits !== undefined) return new ExactNumber(digits);
    const word = WORDS.get(this.match(WORD) ?? '');
    if (word === undefined) throw notJson();
    return word;
  }

  end(): void {
    this.match(SPACE);
    if (this.at < this.text.length) throw notJson();
  }

  private members(depth: number): ReadonlyMap<string, ExactJson> {
    const members = new Map<string, ExactJson>();
    if (this.skip('}')) return members;
    do {
      this.match(SPACE);
      const name = this.string();
      if (members.has(name)) throw new TypeError('A member occurs twice');
      this.expect(':');
      members.set(name, this.value(depth - 1));
    } while (this.skip(','));
    this.expect('}');
    return members;
  }

  private items(depth: number): readonly ExactJson[] {
    const items: ExactJson[] = [];
    if (this.skip(']')) return items;
    do items.push(this.value(depth - 1));
    while (this.skip(','));
    this.expect(']');
    return items;
  }

  private string(): string {
    const token = this.match(STRING);
    if (token === undefined) throw notJson();
    try {
      return JSON.parse(token) as string;
    } catch {
      throw notJson();
    }
  }

  /** Skips white space and the given character. @returns whether the character was there */
  private skip(character: string): boolean {
    this.match(SPACE);
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private expect(character: string): void {
    if (!this.skip(character)) throw notJson();
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }
}

function notJson(): TypeError {
  return new TypeError('The text is not JSON');
}
