/** A decorator of this library that protects a method. Nest keeps its effect in the metadata of a function. */
export interface HandlerMark {
  /** The decorator as it is written, such as `@SignedEvent()`. */
  readonly name: string;
  /** Returns whether a function has the effect of the decorator. */
  isOn(handler: object): boolean;
  /** Returns whether a handler that overrides the method has an effect of the same kind. */
  isReplacedOn(handler: object, gateway: object): boolean;
}

/** A mark, and the prototype whose method has it. */
export interface FoundMark {
  readonly mark: HandlerMark;
  readonly owner: object;
}

/** In place of a method: the decorator protects every handler of its class. */
export const EVERY_HANDLER = Symbol('EVERY_HANDLER');

type Marks = Map<string | symbol, HandlerMark[]>;

const byPrototype = new WeakMap<object, Marks>();

/**
 * Remembers that a method of a class is decorated. The metadata alone does not show it: a decorator above this one may put
 * another function in the place of the method, and a subclass may override it. Both lose the metadata.
 */
export function markHandler(prototype: object, method: string | symbol, mark: HandlerMark): void {
  const marks: Marks = byPrototype.get(prototype) ?? new Map<string | symbol, HandlerMark[]>();
  byPrototype.set(prototype, marks.set(method, [...(marks.get(method) ?? []), mark]));
}

/** Returns the marks of every method of a class, those of its base classes included. */
export function marksOf(prototype: object): ReadonlyMap<string | symbol, readonly FoundMark[]> {
  const found = new Map<string | symbol, FoundMark[]>();
  for (const owner of chainOf(prototype))
    for (const [method, marks] of byPrototype.get(owner) ?? [])
      found.set(method, [...(found.get(method) ?? []), ...marks.map(mark => ({ mark, owner }))]);
  return found;
}

function chainOf(prototype: object): object[] {
  const parent = Object.getPrototypeOf(prototype) as object | null;
  return [prototype, ...(parent ? chainOf(parent) : [])];
}
