let value: unknown;
let json: Uint8Array | undefined;

/**
 * Calls a function while the JSON of a value is known, and forgets the JSON afterwards. The JSON is a slice of everything the
 * client sent at once, which must not stay in memory as long as the application keeps one event.
 */
export function withJson<T>(parsed: unknown, from: Uint8Array | undefined, act: () => T): T {
  value = parsed;
  json = from;
  try {
    return act();
  } finally {
    value = undefined;
    json = undefined;
  }
}

/** Returns the JSON of an event in UTF-8, while `withJson` runs. */
export function jsonOf(event: object): Uint8Array | undefined {
  return value === event ? json : undefined;
}
