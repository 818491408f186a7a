import type { Type } from '@nestjs/common';
import { RefusalException } from './refusal.exception.js';

/**
 * The maximum number of objects in all lists of an event without `@ArrayMaxSize()`. class-transformer and class-validator
 * together take about 20 µs for an invalid one, and no other client is served meanwhile.
 */
const MAX_OBJECTS = 1_000;
/**
 * The maximum number of other objects in an event: those in properties without `@ValidateNested()`, and in undeclared members.
 * class-transformer takes about 5 µs to copy one.
 */
const MAX_OTHER_OBJECTS = 2_000;
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
  /** The properties that class-transformer makes as large as a member of an object says. */
  readonly sized: ReadonlySet<string>;
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
  let leftOfOthers = MAX_OTHER_OBJECTS;
  const countOthers = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (leftOfOthers-- === 0)
      throw tooMany(
        `${path} has too many objects: members without @ValidateNested() may have ${MAX_OTHER_OBJECTS} in one event`,
      );
    const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
    for (const member of members) countOthers(member, path);
  };
  const check = (path: string, count: number, maxItems?: number) => {
    if (maxItems !== undefined && count > maxItems)
      throw tooMany(`${path} must contain no more than ${maxItems} elements`);
    if (maxItems === undefined && (left -= count) < 0)
      throw tooMany(
        `${path} has too many objects: lists without @ArrayMaxSize() may have ${MAX_OBJECTS} in one event`,
      );
  };
  const bounded = (value: unknown, type: Type, path: string): unknown => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    if (Array.isArray(value)) {
      check(path, value.length);
      for (const item of value) countOthers(item, path);
      return value;
    }
    const { names, nested, sized } = declaredBy(type);
    let object = withoutUndeclared(value, names);
    for (const [name, member] of Object.entries(object)) {
      if (sized.has(name) && hasObject(member))
        throw new RefusalException('INVALID_EVENT', {
          reason: `${path}.${name} must be a list or a text`,
        });
      if (!nested.some(one => one.name === name))
        countOthers(member, names.has(name) ? `${path}.${name}` : path);
    }
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
    const copyOf = (value: unknown) => {
      if (type) return bounded(value, type, path);
      countOthers(value, path);
      return value;
    };
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

/** Returns whether a value, or an item of a list, is an object, and not the JSON form of a Buffer. */
function hasObject(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasObject);
  if (typeof value !== 'object' || value === null) return false;
  const { type, data } = value as { type?: unknown; data?: unknown };
  return 'length' in value || type !== 'Buffer' || !Array.isArray(data);
}

function tooMany(reason: string): RefusalException {
  return new RefusalException('INVALID_EVENT', { reason });
}
