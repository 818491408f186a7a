/**
 * The cost of client actions, in units. One unit is the work of a small frame. `connection.messageRate` and
 * `connection.messageBurst` are units, so that they count frames as long as frames are small.
 */
export const COST = {
  /** Bytes of a frame per unit, rounded up to a whole unit. */
  bytesPerUnit: 4_096,
  /** Free members of objects and items of arrays, and the number per unit beyond them. */
  freeMembers: 256,
  membersPerUnit: 128,
  /** The factor for the size of a message, beyond its first unit, if the client may compress: the server inflates it. */
  inflated: 2,
  /** Continuation frames per unit. */
  fragmentsPerUnit: 16,
  /**
   * A new token on an authenticated connection. Each pattern and room of the client costs as much as a pattern to subscribe to,
   * because the server looks up the rights again. A burst of 32 renewals without either fits in the default burst.
   */
  renewal: 4,
  /** A pattern to subscribe to, or a right to look up again: the server looks up the rights and changes an index. */
  pattern: 1,
  /** A subscription with a cursor: the server reads pages of history. */
  history: 16,
  /** The factor for an event of the compatible mode: the server formats its text again before it verifies it. */
  compatible: 4,
} as const;

/** The size up to which members of a frame are not counted, in bytes. */
const SMALL = 1_024;
/** The estimated memory of a parsed frame, in bytes: per byte of a small frame, per byte of another frame, and per member. */
const MEMORY = { small: 16, byte: 2, member: 64 };

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
/** Bytes of a text that are compared one by one before a native search is used. */
const SHORT_TEXT = 32;

/** Returns the bytes of a message. */
export function bytesOf(message: string | Buffer): Buffer {
  return typeof message === 'string' ? Buffer.from(message) : message;
}

/** Estimates the members and items in the JSON of a frame, without parsing it. Returns 0 for a small frame. */
export function membersIn(frame: Buffer): number {
  if (frame.length <= SMALL) return 0;
  let members = 0;
  for (let at = 0; at < frame.length;) {
    const byte = frame[at++];
    if (byte === QUOTE) at = endOfText(frame, at);
    else if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) members++;
  }
  return members;
}

/** Returns the units that a frame costs. @param isInflated whether it may have arrived compressed */
export function unitsOf(size: number, members: number, isInflated = false): number {
  const started = Math.max(1, Math.ceil(size / COST.bytesPerUnit));
  const forSize = isInflated ? 1 + (started - 1) * COST.inflated : started;
  const forMembers = Math.ceil((members - COST.freeMembers) / COST.membersPerUnit);
  return forSize + Math.max(0, forMembers);
}

/**
 * Returns the additional units of a subscribe or unsubscribe frame.
 *
 * @param maxPatterns the maximum that is charged: a frame with more patterns is refused without work
 */
export function subscriptionUnits(
  { patterns, since }: { readonly patterns?: unknown; readonly since?: unknown },
  maxPatterns: number,
): number {
  const count = Array.isArray(patterns) ? Math.min(patterns.length, maxPatterns) : 0;
  return count * COST.pattern + (since === undefined ? 0 : COST.history);
}

/** Estimates the memory of a parsed frame, in bytes. */
export function memoryOf(size: number, members: number): number {
  return size <= SMALL ? size * MEMORY.small : size * MEMORY.byte + members * MEMORY.member;
}

/** @param start the first byte after the opening quote */
function endOfText(frame: Buffer, start: number): number {
  const near = Math.min(start + SHORT_TEXT, frame.length);
  let at = start;
  for (; at < near; at++) {
    if (frame[at] === BACKSLASH) at++;
    else if (frame[at] === QUOTE) return at + 1;
  }
  for (;;) {
    const quote = frame.indexOf(QUOTE, at);
    if (quote < 0) return frame.length;
    let slashes = 0;
    while (quote - slashes > start && frame[quote - 1 - slashes] === BACKSLASH) slashes++;
    at = quote + 1;
    if (slashes % 2 === 0) return at;
  }
}
