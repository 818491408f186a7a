import type { Type } from '@nestjs/common';
import type { TypeOptions } from 'class-transformer';
import { boundedData, type DeclaredProperties, type NestedProperty } from './bounded-data.js';
import { ClassInstances } from './class-instances.js';
import { withoutDroppedPromises } from './dropped-promises.js';
import { RefusalException } from './refusal.exception.js';

type ClassValidator = typeof import('class-validator');
type ClassTransformer = typeof import('class-transformer');

/** The arguments of `@Type()`. */
interface TypeMetadata {
  readonly options?: TypeOptions;
  readonly typeFunction?: (help: object) => unknown;
}

/** The part of class-transformer that knows the discriminators. It exports no other way to read them. */
interface TransformerStorage {
  readonly defaultMetadataStorage: {
    findTypeMetadata(type: Type, name: string): TypeMetadata | undefined;
  };
}
const STORAGE = 'class-transformer/cjs/storage.js';

const NESTED = 'nestedValidation';
const ARRAY_MAX_SIZE = 'arrayMaxSize';
/** Kinds of decorators that validate nothing by themselves: `@IsOptional()`, `@ValidateIf()`, `@Allow()`. */
const VALIDATES_NOTHING = ['conditionalValidation', 'whitelistValidation'];

/** Validators that ignore the members of an object in a property. */
const LOOKS_AT_NO_MEMBERS = new Set<string | undefined>([
  'isDefined',
  'isNotEmpty',
  'isObject',
  'isNotEmptyObject',
  'isInstance',
  'notEquals',
  'isNotIn',
  'isArray',
  'arrayNotEmpty',
  'arrayMinSize',
  ARRAY_MAX_SIZE,
  'arrayUnique',
  'arrayNotContains',
]);

const COLLECTIONS = new Set<unknown>([Array, Set, Map]);

/** A property with `@ValidateNested()`, and the classes that its discriminator can name. */
interface CheckedProperty extends NestedProperty {
  readonly subtypes: readonly Type[] | undefined;
  /** Whether its objects must be instances of a class of the application. */
  readonly hasClass: boolean;
}

/** A property with the type of a collection, and with validators for its items. */
interface DeclaredCollection {
  readonly name: string;
  readonly type: ArrayConstructor | SetConstructor | MapConstructor;
}

/** Properties of a class to check beyond class-validator. */
interface CheckedProperties extends DeclaredProperties {
  /** Whether the class has a decorator that validates something. */
  readonly isDecorated: boolean;
  readonly nested: readonly CheckedProperty[];
  /** Their validators accept other values, too: a text for a list, or an array for a map. */
  readonly collections: readonly DeclaredCollection[];
}

let loading: Promise<ClassValidation | undefined> | undefined;

/** Validates with class-validator and class-transformer of the application, which are optional packages. */
export class ClassValidation {
  private readonly instances: ClassInstances;
  private readonly checked = new WeakMap<Type, CheckedProperties>();

  private constructor(
    private readonly validator: ClassValidator,
    private readonly transformer: ClassTransformer,
    private readonly storage: TransformerStorage | undefined,
  ) {
    this.instances = new ClassInstances(validator, transformer);
  }

  /** Loads both packages at the first call. Resolves to undefined if one of them is not installed. */
  static load(): Promise<ClassValidation | undefined> {
    loading ??= Promise.all([
      import('class-validator'),
      import('class-transformer'),
      import(STORAGE).catch(() => undefined) as Promise<TransformerStorage | undefined>,
    ]).then(
      packages => new ClassValidation(...packages),
      () => undefined,
    );
    return loading;
  }

  /** Validates a value. @returns an instance of the class @throws RefusalException `INVALID_EVENT` */
  async validate(value: unknown, type: Type): Promise<unknown> {
    const data = boundedData(value, type, one => this.checkedOf(one));
    const instance = await this.instances.create(data, type);
    const problem = this.shapeProblem(instance);
    if (problem) throw new RefusalException('INVALID_EVENT', { reason: `data.${problem}` });
    return instance;
  }

  /**
   * Describes a value whose form class-validator does not check. `@ValidateNested()` accepts an array in the place of one object,
   * even without elements, and so with none of the members that the class requires. It also accepts an object without a class,
   * such as one that `@Transform()` has parsed from a text, because nothing has rules for it.
   */
  private shapeProblem(instance: unknown): string | undefined {
    if (typeof instance !== 'object' || instance === null) return undefined;
    // Not by `instance.constructor`: data may have a member of that name.
    const prototype = Object.getPrototypeOf(instance) as { constructor?: unknown } | null;
    if (!isApplicationClass(prototype?.constructor)) return undefined;
    const { nested, collections } = this.checkedOf(prototype.constructor);
    for (const { name, type } of collections) {
      const value: unknown = Reflect.get(instance, name);
      if (value !== undefined && value !== null && !(value instanceof type))
        return `${name} must be of the type ${type.name}`;
    }
    for (const { name, isOne, subtypes, hasClass } of nested) {
      const value: unknown = Reflect.get(instance, name);
      if (isOne && Array.isArray(value))
        return `${name} must not be an array; for a list, use @ValidateNested({ each: true })`;
      const items = isOne ? [value] : itemsOf(value);
      for (const item of items) {
        if (Array.isArray(item)) return `${name} must not have an array as an item`;
        if (hasClass && typeof item === 'object' && item !== null && !this.hasRules(item))
          return `${name} has an object without a class: return an instance from its @Transform()`;
        // If the discriminator is unknown, class-transformer creates the base class.
        if (subtypes && !subtypes.some(subtype => isExactly(item, subtype)))
          return `${name} has a discriminator that names none of its classes`;
        const below = this.shapeProblem(item);
        if (below) return `${name}.${below}`;
      }
    }
    return undefined;
  }

  /** Returns whether an object is an instance of a class with decorators that validate something. */
  private hasRules(object: object): boolean {
    const prototype = Object.getPrototypeOf(object) as { constructor?: unknown } | null;
    const type = prototype?.constructor;
    return isApplicationClass(type) && this.checkedOf(type).isDecorated;
  }

  private checkedOf(type: Type): CheckedProperties {
    let checked = this.checked.get(type);
    if (!checked) {
      const rules = this.rulesOf(type);
      const names = new Set([...rules.map(rule => rule.propertyName), ...this.fieldsOf(type)]);
      checked = {
        names,
        isDecorated: this.isDecorated(type),
        sized: new Set([...names].filter(name => this.isSized(type, name))),
        nested: rules
          .filter(rule => rule.type === NESTED)
          .map(({ propertyName: name, each }) => this.nestedProperty(type, name, each)),
        collections: rules
          .filter(rule => rule.each || rule.type === NESTED)
          .map(({ propertyName: name }) => ({ name, type: declaredTypeOf(type, name) }))
          .filter((one): one is DeclaredCollection => COLLECTIONS.has(one.type)),
      };
      this.checked.set(type, checked);
    }
    return checked;
  }

  private nestedProperty(type: Type, name: string, each: boolean): CheckedProperty {
    const subtypes = this.subtypesOf(type, name);
    const created = this.createdClassOf(type, name);
    const sizes = this.rulesOf(type).filter(
      rule => rule.propertyName === name && rule.name === ARRAY_MAX_SIZE,
    );
    return {
      name,
      isOne: !each && !COLLECTIONS.has(declaredTypeOf(type, name)),
      maxItems: sizes[0]?.constraints[0] as number | undefined,
      type: !subtypes && isApplicationClass(created) ? created : undefined,
      subtypes,
      hasClass: [created, declaredTypeOf(type, name)].some(isApplicationClass),
    };
  }

  /** Returns whether a class or one of its base classes has a decorator that validates something. */
  isDecorated(type: Type): boolean {
    return this.rulesOf(type).some(rule => !VALIDATES_NOTHING.includes(rule.type));
  }

  /** Returns one sentence for each part of a class that looks validated but is not. */
  gapsOf(type: Type, seen = new Set<Type>()): string[] {
    if (seen.has(type)) return [];
    seen.add(type);
    if (!this.isDecorated(type))
      return [
        `the class ${type.name} has no decorators of class-validator: decorate its properties, or pass a schema to @EventData()`,
      ];
    const names = [...this.rulesOf(type).map(rule => rule.propertyName), ...this.fieldsOf(type)];
    return [...new Set(names)].flatMap(name => this.gapsOfProperty(type, name, seen));
  }

  private gapsOfProperty(type: Type, name: string, seen: Set<Type>): string[] {
    const rules = this.rulesOf(type).filter(rule => rule.propertyName === name);
    const isNested = rules.some(rule => rule.type === NESTED);
    const created = this.createdClassOf(type, name);
    if (isNested && created === Object)
      return [
        `${type.name}.${name} has @ValidateNested() but no @Type(): add @Type(() => …) of class-transformer, or its members are not validated`,
      ];
    const declared = declaredTypeOf(type, name);
    const nested = [created, declared].find(isApplicationClass);
    if (created === undefined || nested === undefined) return [];
    if (isNested)
      return [nested, ...(this.subtypesOf(type, name) ?? [])].flatMap(one =>
        this.gapsOf(one, seen),
      );
    // A validator of the application may check the members itself.
    const checks = rules.filter(rule => !VALIDATES_NOTHING.includes(rule.type));
    if (checks.some(({ name }) => !LOOKS_AT_NO_MEMBERS.has(name))) return [];
    // A `@Transform()` of the application may do so, too, if it creates the instance.
    if (checks.length === 0 && isApplicationClass(created) && !this.typeOf(type, name)) return [];
    return [
      `${type.name}.${name} has the class ${nested.name} but no @ValidateNested(): add it, and @Type(() => ${nested.name})`,
    ];
  }

  /** Returns the class that class-transformer creates for an object in a property; undefined if a probe cannot find it. */
  private createdClassOf(type: Type, name: string): unknown {
    let created: unknown;
    for (const probe of [{ member: {} }, [{}]]) {
      const value = Reflect.get(this.instanceOf(type, { [name]: probe }), name) as unknown;
      const [item] = itemsOf(value);
      if (typeof item !== 'object' || item === null) continue;
      created = item.constructor;
      if (created !== Object) return created;
    }
    return created;
  }

  /**
   * Returns whether `@Type()` of a property names `Buffer` or an array. For the object `{"length":4294967295}` they would allocate that
   * many bytes, or make an array of that length, and for `{"4294967294":0}` too.
   */
  private isSized(type: Type, name: string): boolean {
    try {
      const made = this.typeOf(type, name)?.typeFunction?.({
        newObject: {},
        object: {},
        property: name,
      });
      return (
        made === Buffer || made === Array || (made as Type | undefined)?.prototype instanceof Array
      );
    } catch {
      // A function of the application may need the data.
      return false;
    }
  }

  /** Returns the classes that the discriminator of a property can name; undefined if it has none. */
  private subtypesOf(type: Type, name: string): readonly Type[] | undefined {
    return this.typeOf(type, name)?.options?.discriminator?.subTypes.map(
      ({ value }) => value as Type,
    );
  }

  /** Returns the arguments of `@Type()` of a property. */
  private typeOf(type: Type, name: string): TypeMetadata | undefined {
    return this.storage?.defaultMetadataStorage.findTypeMetadata(type, name);
  }

  /** Returns the properties that a class declares: those of a new instance. */
  private fieldsOf(type: Type): string[] {
    return Object.keys(this.instanceOf(type, {}));
  }

  private instanceOf(type: Type, plain: object): object {
    try {
      return withoutDroppedPromises(() => this.transformer.plainToInstance(type, plain) as object);
    } catch {
      // A constructor or a `@Transform()` of the application may reject the probe.
      return {};
    }
  }

  private rulesOf(type: Type) {
    return this.validator.getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  }
}

/** Returns the type of a property that TypeScript recorded. */
function declaredTypeOf(type: Type, name: string): unknown {
  return Reflect.getMetadata('design:type', type.prototype as object, name) as unknown;
}

/** Returns whether a value is an instance of a class itself, not of a subclass. Nothing at all is left to other validators. */
function isExactly(value: unknown, type: Type): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.getPrototypeOf(value) === type.prototype;
}

/** Returns the items of a collection, or the value itself. */
function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return value instanceof Set || value instanceof Map ? [...value.values()] : [value];
}

/** Matches the source text of built-in classes: `Object`, `Date`, `BigInt`, and the like. */
const BUILT_IN = /\{\s*\[native code\]\s*\}$/;

const classes = new WeakMap<object, boolean>();

/** Returns whether a type is a class of the application, not of the runtime. */
export function isApplicationClass(type: unknown): type is Type {
  if (typeof type !== 'function') return false;
  const known = classes.get(type);
  if (known !== undefined) return known;
  // `Buffer` is built in, but Node implements it in JavaScript.
  const isOwn = type !== Buffer && !BUILT_IN.test(Function.prototype.toString.call(type));
  classes.set(type, isOwn);
  return isOwn;
}
