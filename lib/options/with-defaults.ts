type Plain = Record<string, unknown>;

/**
 * Returns the options of a caller, with a default for each member that is missing or undefined. The result is a frozen copy: later
 * changes of the caller's objects do not affect it.
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

/** Copies lists and plain objects. Keys, dates, bytes, functions and classes are kept by reference. */
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
