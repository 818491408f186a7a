import { after, type MaybePromise, recovering } from '../maybe-promise.js';
import { isInstance } from '../protocol/index.js';
import { withoutDroppedPromises } from './dropped-promises.js';

/**
 * The interface that zod (3.24 and later), valibot, arktype, yup (1.7 and later) and others implement.
 *
 * @see https://standardschema.dev
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  };
}

export type StandardResult<Output = unknown> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly unknown[] };

/** Returns whether a value is a Standard Schema of version 1. Schemas of arktype are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  const standard: unknown = Reflect.get(value, '~standard');
  if (typeof standard !== 'object' || standard === null) return false;
  const { version, validate } = standard as Partial<StandardSchema['~standard']>;
  return version === 1 && typeof validate === 'function';
}

/** The result of `safeParseAsync` of zod. */
type ZodResult =
  | { readonly success: true; readonly data: unknown }
  | { readonly success: false; readonly error: { readonly issues: readonly unknown[] } };

/** The issue of data with a member such as `toString`, which is no function. Some libraries call the method of that name. */
const HIDES_A_METHOD = { code: 'a member hides a method of Object.prototype' };

/**
 * Validates a value by a schema.
 *
 * @throws TypeError if the schema returns neither a value nor issues
 */
export function validateBy(schema: StandardSchema, value: unknown): MaybePromise<StandardResult> {
  return recovering(
    () => withoutDroppedPromises(() => runSchema(schema, value)),
    error => {
      if (isInstance(error, TypeError) && hidesMethod(value)) return { issues: [HIDES_A_METHOD] };
      throw error;
    },
  );
}

function hidesMethod(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false;
  return Object.entries(data).some(
    ([name, value]) => name in Object.prototype || hidesMethod(value),
  );
}

/**
 * Calls a schema. Schemas of zod are called by `safeParseAsync`. Their `validate` first tries without
 * asynchronous checks, and drops the promises of that attempt: if such a check fails, the rejection ends the process.
 */
function runSchema(schema: StandardSchema, value: unknown): MaybePromise<StandardResult> {
  const { vendor, validate } = schema['~standard'];
  const parse: unknown = vendor === 'zod' ? Reflect.get(schema, 'safeParseAsync') : undefined;
  if (typeof parse !== 'function') return after(validate(value), asResult);
  return (parse.call(schema, value) as Promise<ZodResult>).then(result =>
    result.success ? { value: result.data } : { issues: result.error.issues },
  );
}

function asResult(result: unknown): StandardResult {
  const isResult =
    typeof result === 'object' &&
    result !== null &&
    ('value' in result || Array.isArray(Reflect.get(result, 'issues')));
  if (!isResult) throw new TypeError('A schema returned neither a value nor issues');
  return result as StandardResult;
}
