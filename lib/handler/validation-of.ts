import type { Type } from '@nestjs/common';
import { isPayloadFactory } from './event.decorators.js';
import { EventDataPipe } from './event-data.pipe.js';
import { PARAMETERS_METADATA, PIPES_METADATA } from './nest-metadata.js';

export type GatewayClass = abstract new (...args: never[]) => object;

/** A parameter of a handler as Nest's decorators note it. */
interface Parameter {
  readonly index: number;
  readonly factory?: unknown;
  readonly pipes?: readonly unknown[];
}

/** How Nest names the parameters of `@MessageBody()`. */
const MESSAGE_BODY = '3:';

/**
 * Whether a handler is called with what a peer sent, and nothing has looked at it: no schema, no class and no pipe,
 * neither on a parameter, nor on the handler, nor on its gateway.
 */
export function takesUnvalidatedData(gateway: GatewayClass, method: string): boolean {
  const handler = (gateway.prototype as Record<string, object>)[method];
  if (!handler || [gateway, handler].some(target => pipesOn(target).length > 0)) return false;
  const noted = Reflect.getMetadata(PARAMETERS_METADATA, gateway, method) as
    Record<string, Parameter> | undefined;
  // Without decorators Nest calls a handler with the socket and the data.
  if (!noted) return (handler as () => unknown).length > 1;
  const payloads = Object.entries(noted)
    .filter(([name, { factory }]) => name.startsWith(MESSAGE_BODY) || isPayloadFactory(factory))
    .map(([, parameter]) => parameter);
  const types = (Reflect.getMetadata('design:paramtypes', gateway.prototype as object, method) ??
    []) as Type[];
  return (
    payloads.length > 0 &&
    !payloads.some(({ index, pipes = [] }) => pipes.some(validates(types[index])))
  );
}

const validates = (type: Type | undefined) => (pipe: unknown) =>
  pipe instanceof EventDataPipe
    ? pipe.validates(type)
    : pipe !== EventDataPipe || new EventDataPipe().validates(type);

function pipesOn(target: object): readonly unknown[] {
  return (Reflect.getMetadata(PIPES_METADATA, target) ?? []) as unknown[];
}
