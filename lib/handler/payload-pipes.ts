import type { PipeTransform, Type } from '@nestjs/common';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { INJECTABLE_WATERMARK } from './nest-metadata.js';
import { isStandardSchema } from './standard-schema.js';

/** A pipe as Nest accepts it: an instance, or a class that Nest instantiates. */
export type Pipe = PipeTransform | Type<PipeTransform>;

/** Methods of schemas that are not Standard Schemas. Some of them also have a `transform` method and look like a pipe. */
const SCHEMA_METHODS = ['parse', 'safeParse', 'validate', 'validateSync', 'cast', 'decode', 'is'];

/**
 * Returns whether Nest can run a value as a pipe. An object that has both `transform` and methods of a schema must be
 * marked with `@Injectable()`.
 */
export function isPipe(value: unknown): value is Pipe {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return false;
  const isClass = typeof value === 'function' && hasMethod(value.prototype, 'transform');
  const pipe: unknown = isClass ? value.prototype : value;
  if (!hasMethod(pipe, 'transform') || isStandardSchema(value)) return false;
  if (!SCHEMA_METHODS.some(name => hasMethod(pipe, name))) return true;
  const marked: unknown = isClass ? value : value.constructor;
  return typeof marked === 'function' && Reflect.hasMetadata(INJECTABLE_WATERMARK, marked);
}

/**
 * Checks the arguments of a parameter decorator.
 *
 * @throws SemanticEventsConfigError for a value that is neither a pipe nor, if `takesSchemas` is set, a Standard Schema
 */
export function checkPayloadPipes(
  decorator: string,
  given: readonly unknown[],
  { takesSchemas }: { takesSchemas: boolean },
): void {
  const wrong = given.findIndex(
    value => !isPipe(value) && !(takesSchemas && isStandardSchema(value)),
  );
  if (wrong < 0) return;
  throw new SemanticEventsConfigError([
    `${decorator} cannot validate with argument ${wrong + 1}, ${describe(given[wrong], takesSchemas)}`,
  ]);
}

function describe(value: unknown, takesSchemas: boolean): string {
  if (value === undefined)
    return 'undefined: check that the file with the schema is not part of an import cycle';
  if (isStandardSchema(value))
    return 'a schema: pass it to @EventData(), which validates the data of the event';
  const accepted = takesSchemas
    ? 'pass a Standard Schema (zod 3.24 or later, valibot 1, arktype 2, yup 1.7 or later, joi 18 or later) or a pipe'
    : 'pass a pipe';
  return typeof value === 'object' && value !== null && hasMethod(value, 'transform')
    ? `which looks like a schema but is not a Standard Schema: ${accepted}. If it is a pipe, mark its class with @Injectable()`
    : `which is neither a Standard Schema nor a pipe: ${accepted}`;
}

function hasMethod(value: unknown, name: string): boolean {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof Reflect.get(value, name) === 'function'
  );
}
