import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { dataOf, unverifiedOf } from '../event/index.js';
import { eventOf } from './event-of.js';
import { EventDataPipe } from './event-data.pipe.js';
import { checkPayloadPipes, type Pipe } from './payload-pipes.js';
import { isStandardSchema, type StandardSchema } from './standard-schema.js';

const eventFrom = (_: unknown, context: ExecutionContext) => eventOf(context);
const dataFrom = (_: unknown, context: ExecutionContext) => dataOf(eventOf(context));
const Event = createParamDecorator(eventFrom);
const Data = createParamDecorator(dataFrom);

/** Returns which part of an event a parameter decorator of this file injects; undefined for other decorators. */
export function payloadKindOf(factory: unknown): 'event' | 'data' | undefined {
  if (factory === eventFrom) return 'event';
  return factory === dataFrom ? 'data' : undefined;
}

/**
 * Injects the attributes of an event that its signature does not cover: `UnverifiedAttributes`. Outside the compatible mode
 * they are empty.
 */
export const Unverified = createParamDecorator((_: unknown, context: ExecutionContext) =>
  unverifiedOf(eventOf(context)),
);

/**
 * Injects the whole event into a handler parameter: a `SemanticEvent`. It does not validate `data`; use `@EventData()` for
 * that.
 *
 * @throws SemanticEventsConfigError for an argument that is not a pipe
 */
export function SemanticEventBody(...pipes: Pipe[]): ParameterDecorator {
  checkPayloadPipes('@SemanticEventBody()', pipes, { takesSchemas: false });
  return Event(...pipes);
}

/**
 * Injects the data of the event into a handler parameter: `data`, or the bytes of `data_base64`. A Standard Schema (zod,
 * valibot, arktype, yup, joi) validates it. Without a schema the type of the parameter decides. A class needs
 * class-validator in the application. A string, number, boolean or `Uint8Array` needs no package.
 *
 * @throws SemanticEventsConfigError for an argument that is neither a schema nor a pipe
 */
export function EventData(...schemaOrPipes: (StandardSchema | Pipe)[]): ParameterDecorator {
  checkPayloadPipes('@EventData()', schemaOrPipes, { takesSchemas: true });
  const pipes = schemaOrPipes.map(given =>
    isStandardSchema(given) ? new EventDataPipe(given) : given,
  );
  return Data(...(schemaOrPipes.some(isStandardSchema) ? pipes : [new EventDataPipe(), ...pipes]));
}
