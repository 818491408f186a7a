/** A number by the digits it was written with: `1.0` is not `1`, and no digit of a long one is lost. */
export class ExactNumber {
  constructor(readonly digits: string) {}
}

/** A JSON value of which nothing was lost in reading. */
export type ExactJson =
  null | boolean | string | ExactNumber | readonly ExactJson[] | ReadonlyMap<string, ExactJson>;

/** Deeper values are refused rather than risking the stack. */
const MAX_DEPTH = 128;

/**
 * Reads JSON as `JSON.parse` does, but keeps the digits of numbers, and refuses an object that names a member
 * twice: two readers could take two values for it.
 *
 * @throws TypeError for what is not JSON, a repeated member, or more than 128 levels
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
    if (depth === 0) throw new TypeError(`More than ${MAX_DEPTH} levels are not read`);
    if (this.takes('{')) return this.members(depth);
    if (this.takes('[')) return this.items(depth);
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
    if (this.takes('}')) return members;
    do {
      this.match(SPACE);
      const name = this.string();
      if (members.has(name)) throw new TypeError('A member is named twice');
      this.expect(':');
      members.set(name, this.value(depth - 1));
    } while (this.takes(','));
    this.expect('}');
    return members;
  }

  private items(depth: number): readonly ExactJson[] {
    const items: ExactJson[] = [];
    if (this.takes(']')) return items;
    do items.push(this.value(depth - 1));
    while (this.takes(','));
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

  /** Goes on behind a character, if that is what comes next. White space before it does not count. */
  private takes(character: string): boolean {
    this.match(SPACE);
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private expect(character: string): void {
    if (!this.takes(character)) throw notJson();
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
