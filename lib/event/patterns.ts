/** The longest pattern taken. */
export const MAX_PATTERN_LENGTH = 256;

/** Whether a text is a pattern: dot-separated segments, none empty, each a name, `*` or `**`. */
export function isPattern(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= MAX_PATTERN_LENGTH &&
    text
      .split('.')
      .every(segment => segment !== '' && (!segment.includes('*') || /^\*\*?$/.test(segment)))
  );
}

/**
 * Whether an event type matches a pattern: `*` stands for one segment, `**` for zero or more. Segments match
 * whole: `ui.**` matches `ui` and `ui.click`, never `uix`. A text that is not a
 * pattern matches nothing, and nothing matches a type with an empty segment.
 */
export function matchesPattern(type: string, pattern: string): boolean {
  const segments = type.split('.');
  return (
    isPattern(pattern) &&
    !segments.includes('') &&
    matchSegments(segments, pattern.split('.'), isAnySegment)
  );
}

/**
 * Whether one pattern stands for everything another does: `chat.**` covers `chat.*`, `chat.room.**` and `chat`,
 * but neither `**` nor `chatter`. In doubt it says no.
 */
export function coversPattern(wider: string, narrower: string): boolean {
  return (
    isPattern(wider) &&
    isPattern(narrower) &&
    matchSegments(narrower.split('.'), wider.split('.'), isOneSegment)
  );
}

/** In a type every segment is plain text, wildcards too. */
const isAnySegment = () => true;
/** In a pattern `**` is more than the one segment that `*` stands for. */
const isOneSegment = (segment: string | undefined) => segment !== '**';

/**
 * Greedy with one point to go back to: at most types × patterns steps, whatever the pattern.
 *
 * @param isOne whether a segment of the type is one that `*` stands for
 */
function matchSegments(
  type: readonly string[],
  pattern: readonly string[],
  isOne: (segment: string | undefined) => boolean,
): boolean {
  let t = 0;
  let p = 0;
  let retry: { t: number; p: number } | undefined;
  while (t < type.length) {
    if (pattern[p] === '**') {
      retry = { t, p };
      p++;
    } else if ((pattern[p] === '*' && isOne(type[t])) || pattern[p] === type[t]) {
      t++;
      p++;
    } else if (retry) {
      t = ++retry.t;
      p = retry.p + 1;
    } else {
      return false;
    }
  }
  return pattern.slice(p).every(segment => segment === '**');
}
