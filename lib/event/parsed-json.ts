let value: unknown;
let json: Uint8Array | undefined;

/**
 * Does something with a value while the JSON it was parsed from is known. That is not kept any longer: it is part of all
 * that the peer has sent at once, which must not live as long as an application keeps one event.
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

/** The JSON an event was parsed from, in UTF-8, as long as that is known. */
export function jsonOf(event: object): Uint8Array | undefined {
  return value === event ? json : undefined;
}
