/** The maximum length of a pattern, in characters. */
export const MAX_PATTERN_LENGTH = 256;
/** The most segments a pattern may have: each takes memory in the index of subscriptions. */
export const MAX_PATTERN_SEGMENTS = 16;

/** Returns whether a text is a pattern: dot-separated segments, none empty, each a name, `*` or `**`. */
export function isPattern(text: string): boolean {
  if (text.length === 0 || text.length > MAX_PATTERN_LENGTH) return false;
  const segments = text.split('.');
  return (
    segments.length <= MAX_PATTERN_SEGMENTS &&
    segments.every(segment => segment !== '' && (!segment.includes('*') || /^\*\*?$/.test(segment)))
  );
}

/**
 * Returns whether an event type matches a pattern: `*` stands for one segment, `**` for zero or more. Segments match
 * whole: `ui.**` matches `ui` and `ui.click`, never `uix`. A text that is not a
 * pattern matches nothing, and nothing matches a type with an empty segment.
 */
export function matchesPattern(type: string, pattern: string): boolean {
  return compilePatterns([pattern])(type);
}

/**
 * Prepares patterns to be compared with many event types.
 *
 * @returns whether a type matches one of the patterns, as `matchesPattern` does
 */
export function compilePatterns(patterns: Iterable<string>): (type: string) => boolean {
  const compiled = [...patterns].filter(isPattern).map(pattern => pattern.split('.'));
  return type => {
    const segments = type.split('.');
    return (
      !segments.includes('') &&
      compiled.some(pattern => matchSegments(segments, pattern, isAnySegment))
    );
  };
}

/**
 * Returns whether one pattern matches everything another matches: `chat.**` covers `chat.*`, `chat.room.**` and `chat`,
 * but neither `**` nor `chatter`. In doubt it returns false.
 */
export function coversPattern(wider: string, narrower: string): boolean {
  return (
    isPattern(wider) &&
    isPattern(narrower) &&
    matchSegments(narrower.split('.'), wider.split('.'), isOneSegment)
  );
}

/** In an event type, every segment is plain text, including wildcards. */
const isAnySegment = () => true;
/** In a pattern, `**` is more than the one segment that `*` stands for. */
const isOneSegment = (segment: string | undefined) => segment !== '**';

/**
 * Matches greedily and remembers one position to return to: at most segments of the type × segments of the pattern steps.
 *
 * @param isOne returns whether `*` matches this segment of the type
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
