import type { Type } from '@nestjs/common';
import { RefusalException } from './refusal.exception.js';

/**
 * The maximum number of objects in all lists of an event without `@ArrayMaxSize()`. class-transformer and class-validator
 * together take about 20 µs for an invalid one, and no other client is served meanwhile.
 */
const MAX_OBJECTS = 1_000;
/** The maximum number of undeclared members of an object that are passed on to class-transformer. */
const MAX_UNDECLARED = 64;

/** A property with `@ValidateNested()`. */
export interface NestedProperty {
  readonly name: string;
  /** Whether it is one object: it has neither the type of a collection nor the option `each`. */
  readonly isOne: boolean;
  /** The argument of `@ArrayMaxSize()`; undefined without one. */
  readonly maxItems: number | undefined;
  /** The class of its objects; undefined if it is unknown, or if a discriminator names it. */
  readonly type: Type | undefined;
}

/** The properties of a class. */
export interface DeclaredProperties {
  readonly names: ReadonlySet<string>;
  readonly nested: readonly NestedProperty[];
}

/**
 * Limits what class-transformer copies and class-validator validates, because a client could block the process for a long time:
 * they look at every item of a list, even if the list is longer than `@ArrayMaxSize()` permits, and copy undeclared members first.
 *
 * @param declaredBy returns the properties of a class
 * @returns the data, without undeclared members of objects that have many of them
 * @throws RefusalException `INVALID_EVENT` if a list has too many objects
 */
export function boundedData(
  data: unknown,
  type: Type,
  declaredBy: (type: Type) => DeclaredProperties,
): unknown {
  let left = MAX_OBJECTS;
  const check = (path: string, count: number, maxItems?: number) => {
    if (maxItems !== undefined && count > maxItems)
      throw tooMany(`${path} must contain no more than ${maxItems} elements`);
    if (maxItems === undefined && (left -= count) < 0)
      throw tooMany(
        `${path} has too many objects: lists without @ArrayMaxSize() may have ${MAX_OBJECTS} in one event`,
      );
  };
  const bounded = (value: unknown, type: Type, path: string): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      check(path, value.length);
      return value;
    }
    const { names, nested } = declaredBy(type);
    let object = withoutUndeclared(value, names);
    for (const { name, isOne, maxItems, type } of nested) {
      const given: unknown = Reflect.get(object, name);
      if (typeof given !== 'object' || given === null) continue;
      const copy = boundedMember(given, { isOne, maxItems, type }, `${path}.${name}`);
      if (copy !== given) object = { ...object, [name]: copy };
    }
    return object;
  };
  const boundedMember = (
    given: object,
    { isOne, maxItems, type }: Omit<NestedProperty, 'name'>,
    path: string,
  ): unknown => {
    const copyOf = (value: unknown) => (type ? bounded(value, type, path) : value);
    if (isOne && !Array.isArray(given)) return copyOf(given);
    // An object stands for a `Map`.
    const items = Object.entries(given);
    check(path, items.length, maxItems);
    const copies = items.map(([key, item]) => [key, copyOf(item)] as const);
    if (copies.every(([, copy], at) => copy === items[at]?.[1])) return given;
    return Array.isArray(given) ? copies.map(([, copy]) => copy) : Object.fromEntries(copies);
  };
  return bounded(data, type, 'data');
}

function withoutUndeclared(value: object, declared: ReadonlySet<string>): object {
  const names = Object.keys(value);
  if (names.length <= declared.size + MAX_UNDECLARED) return value;
  const kept = names.filter(name => declared.has(name));
  return Object.fromEntries(kept.map(name => [name, Reflect.get(value, name) as unknown]));
}

function tooMany(reason: string): RefusalException {
  return new RefusalException('INVALID_EVENT', { reason });
}
