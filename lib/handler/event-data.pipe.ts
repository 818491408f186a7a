import {
  type ArgumentMetadata,
  Injectable,
  Optional,
  type PipeTransform,
  type Type,
  ValidationPipe,
} from '@nestjs/common';
import { RefusalException } from './refusal.exception.js';
import type { StandardSchema } from './standard-schema.js';

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

  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (this.schema) return parse(this.schema, value);
    const pipe = isClass(metadata.metatype) ? await classValidation() : undefined;
    return pipe ? pipe.transform(value, metadata) : value;
  }
}

async function parse(schema: StandardSchema, value: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (result.issues) throw new RefusalException('INVALID_EVENT');
  return result.value;
}

/** The source of what the runtime brings along: `Object`, `Date`, `BigInt`, and the like. */
const BUILT_IN = /\{\s*\[native code\]\s*\}$/;

function isClass(metatype: Type | undefined): boolean {
  return metatype !== undefined && !BUILT_IN.test(Function.prototype.toString.call(metatype));
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
