import { createParamDecorator, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import { dataOf, unverifiedOf } from '../event/index.js';
import { eventOf } from './event-of.js';
import { EventDataPipe } from './event-data.pipe.js';
import { isStandardSchema, type StandardSchema } from './standard-schema.js';

const eventFrom = (_: unknown, context: ExecutionContext) => eventOf(context);
const dataFrom = (_: unknown, context: ExecutionContext) => dataOf(eventOf(context));
const Event = createParamDecorator(eventFrom);
const Data = createParamDecorator(dataFrom);

/** Whether a parameter made by `createParamDecorator` is one of those below. */
export function isPayloadFactory(factory: unknown): boolean {
  return factory === eventFrom || factory === dataFrom;
}

/**
 * What came with the event and is not covered by its signature, as a handler parameter: `UnverifiedAttributes`. Empty
 * but in the compatible mode.
 */
export const Unverified = createParamDecorator((_: unknown, context: ExecutionContext) =>
  unverifiedOf(eventOf(context)),
);

/** The whole event, as a handler parameter: a `SemanticEvent`. */
export function SemanticEventBody(...pipes: PipeTransform[]): ParameterDecorator {
  return Event(...pipes);
}

/**
 * The data of the event, as a handler parameter: `data`, or the bytes of `data_base64`. A Standard Schema (zod, valibot, arktype) validates it;
 * without one, a parameter whose type is a class is validated by class-validator where that is installed.
 */
export function EventData(
  ...schemaOrPipes: (StandardSchema | PipeTransform)[]
): ParameterDecorator {
  const pipes = schemaOrPipes.map(given =>
    isStandardSchema(given) ? new EventDataPipe(given) : given,
  );
  return Data(...(schemaOrPipes.some(isStandardSchema) ? pipes : [new EventDataPipe(), ...pipes]));
}
