import {
  type ArgumentMetadata,
  Injectable,
  Optional,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { after, type MaybePromise } from '../maybe-promise.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { ClassValidation, isApplicationClass } from './class-validation.js';
import { schemaProblem } from './data-problem.js';
import { RefusalException } from './refusal.exception.js';
import {
  isStandardSchema,
  type StandardResult,
  type StandardSchema,
  validateBy,
} from './standard-schema.js';

/** Types that TypeScript's metadata contains and that JSON or `data_base64` can represent, each with its test. */
const PLAIN_TYPES = new Map<unknown, (value: unknown) => boolean>([
  [String, value => typeof value === 'string'],
  [Number, value => typeof value === 'number'],
  [Boolean, value => typeof value === 'boolean'],
  [Uint8Array, value => value instanceof Uint8Array],
]);

/** Returns whether EventDataPipe can validate a type without any package. */
export function isPlainType(type: unknown): boolean {
  return PLAIN_TYPES.has(type);
}

/**
 * Validates the `data` of an event, with a Standard Schema if there is one, otherwise by the type of the parameter.
 * class-validator validates a class; a string, number, boolean or bytes need no package. The handler receives the output of
 * the schema or class.
 *
 * @throws SemanticEventsConfigError if the argument is not a Standard Schema
 */
@Injectable()
export class EventDataPipe implements PipeTransform {
  constructor(@Optional() readonly schema?: StandardSchema) {
    if (schema !== undefined && !isStandardSchema(schema))
      throw new SemanticEventsConfigError([
        'EventDataPipe needs a Standard Schema: zod 3.24 or later, valibot 1, arktype 2, yup 1.7 or later, joi 18 or later',
      ]);
  }

  transform(value: unknown, metadata: ArgumentMetadata): MaybePromise<unknown> {
    if (this.schema) return after(validateBy(this.schema, value), outputOf);
    const { metatype } = metadata;
    if (isApplicationClass(metatype)) return byClass(value, metatype);
    if (PLAIN_TYPES.get(metatype)?.(value) === false)
      throw new RefusalException('INVALID_EVENT', {
        reason: `data must be a ${metadata.metatype?.name}`,
      });
    return value;
  }
}

function outputOf(result: StandardResult): unknown {
  const { issues } = result;
  if (issues) throw new RefusalException('INVALID_EVENT', { reason: () => schemaProblem(issues) });
  return result.value;
}

async function byClass(value: unknown, type: Type): Promise<unknown> {
  const validation = await ClassValidation.load();
  return validation?.isDecorated(type) ? validation.validate(value, type) : value;
}
