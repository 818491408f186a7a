const MAX_LENGTH = 64;

/**
 * What could break a line, reorder it on a screen, or hide in it: controls, line and paragraph separators, format
 * characters (bidirectional and invisible ones), lone surrogates; and the backslash, which escapes them.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\]/u;

/** Text that a peer may have chosen as one short, harmless piece of a log line. */
export function safeText(text: string, maxLength = MAX_LENGTH): string {
  if (text.length <= maxLength && !UNSAFE.test(text)) return text;
  let safe = '';
  // Of a long text no more is looked at than can be shown.
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
