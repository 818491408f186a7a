type Plain = Record<string, unknown>;

/**
 * The options a caller gave, with the defaults of what was left out, member by member; a member given as
 * undefined was left out. The result is a frozen copy: what the caller does to his objects afterwards, and what
 * he has not been asked about, does not reach it.
 */
export function withDefaults<D extends object, S extends object>(
  defaults: D,
  given: S | undefined,
): D & S {
  const merged: Plain = Object.fromEntries(Object.entries(defaults));
  for (const [name, value] of Object.entries(given ?? {})) {
    const preset = merged[name];
    if (value !== undefined)
      merged[name] = isPlain(preset) && isPlain(value) ? withDefaults(preset, value) : value;
  }
  return frozenCopy(merged) as D & S;
}

/** Copies lists and plain objects; keys, dates, bytes, functions and classes stay what they are. */
function frozenCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (!isPlain(value)) return value;
  const copies = Object.entries(value).map(([name, member]) => [name, frozenCopy(member)]);
  return Object.freeze(Object.fromEntries(copies));
}

function isPlain(value: unknown): value is Plain {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}
