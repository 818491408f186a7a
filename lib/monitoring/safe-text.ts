const MAX_LENGTH = 64;

/**
 * Characters that could break a line, reorder it on a screen, or be invisible in it. They are controls, line and paragraph
 * separators, format characters, and lone surrogates. The backslash is one too, because it escapes the others.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\]/u;

/** Returns text that a client may have chosen as one short, harmless part of a log line. */
export function safeText(text: string, maxLength = MAX_LENGTH): string {
  if (text.length <= maxLength && !UNSAFE.test(text)) return text;
  let safe = '';
  // Escape only as much of a long text as is shown.
  for (const character of text.slice(0, maxLength)) {
    const piece = UNSAFE.test(character) ? escaped(character) : character;
    if (safe.length + piece.length > maxLength) return `${safe}…`;
    safe += piece;
  }
  return text.length > maxLength ? `${safe}…` : safe;
}

function escaped(character: string): string {
  if (character === '\\') return '\\\\';
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
