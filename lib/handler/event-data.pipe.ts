import {
  type ArgumentMetadata,
  Injectable,
  Optional,
  type PipeTransform,
  type Type,
  ValidationPipe,
} from '@nestjs/common';
import { RefusalException } from './refusal.exception.js';
import { after, type MaybePromise } from '../maybe-promise.js';
import type { StandardResult, StandardSchema } from './standard-schema.js';

/**
 * Validates the `data` of an event: by a Standard Schema where one is given, else by class-validator where the
 * parameter's type is a class and the application has it. The handler gets what the schema or class made of it.
 */
@Injectable()
export class EventDataPipe implements PipeTransform {
  constructor(@Optional() private readonly schema?: StandardSchema) {}

  /** Whether data for a parameter of a type is validated at all. */
  validates(type: Type | undefined): boolean {
    return this.schema !== undefined || isClass(type);
  }

  transform(value: unknown, metadata: ArgumentMetadata): MaybePromise<unknown> {
    if (this.schema) return after(this.schema['~standard'].validate(value), outputOf);
    if (!isClass(metadata.metatype)) return value;
    return classValidation().then(pipe => (pipe ? pipe.transform(value, metadata) : value));
  }
}

function outputOf(result: StandardResult): unknown {
  if (result.issues) throw new RefusalException('INVALID_EVENT');
  return result.value;
}

/** The source of what the runtime brings along: `Object`, `Date`, `BigInt`, and the like. */
const BUILT_IN = /\{\s*\[native code\]\s*\}$/;

const classes = new WeakMap<Type, boolean>();

/** Whether a type is a class of the application. */
function isClass(metatype: Type | undefined): boolean {
  if (metatype === undefined) return false;
  const known = classes.get(metatype);
  if (known !== undefined) return known;
  const isOwn = !BUILT_IN.test(Function.prototype.toString.call(metatype));
  classes.set(metatype, isOwn);
  return isOwn;
}

let validation: Promise<ValidationPipe | undefined> | undefined;

/** Nest's own pipe over class-validator, made at first need; nothing where the application does not have it. */
function classValidation(): Promise<ValidationPipe | undefined> {
  validation ??= Promise.all([import('class-validator'), import('class-transformer')]).then(
    () =>
      new ValidationPipe({
        transform: true,
        validateCustomDecorators: true,
        exceptionFactory: () => new RefusalException('INVALID_EVENT'),
      }),
    () => undefined,
  );
  return validation;
}
