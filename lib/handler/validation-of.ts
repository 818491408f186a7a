import * as common from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { type ClassValidation, isApplicationClass } from './class-validation.js';
import { payloadKindOf } from './event.decorators.js';
import { EventDataPipe, isPlainType } from './event-data.pipe.js';
import { PARAMETERS_METADATA, PIPES_METADATA } from './nest-metadata.js';

export type GatewayClass = abstract new (...args: never[]) => object;

/** A parameter of a handler, as Nest's decorators record it. */
interface Parameter {
  readonly index: number;
  readonly factory?: unknown;
  readonly pipes?: readonly unknown[];
  /** Nest 12: `@MessageBody({ schema })`. */
  readonly schema?: unknown;
}

/** A parameter that receives data of a client. */
interface Payload extends Parameter {
  readonly decorator: '@EventData()' | '@SemanticEventBody()' | '@MessageBody()' | 'the message';
  readonly type: unknown;
}

export interface HandlerValidation {
  /** Whether the client's data is validated, or the handler does not receive it. */
  readonly isValidated: boolean;
  /** Data that looks validated but is not, one sentence each. With any of them the application does not start. */
  readonly problems: readonly string[];
}

/** The means of validation in the application. */
export interface ValidationMeans {
  /** Undefined if class-validator or class-transformer is not installed, or if no handler needs them. */
  readonly classes: ClassValidation | undefined;
  /** The global pipes that Nest runs before gateways. */
  readonly globalPipes: readonly unknown[];
}

/** The prefix of Nest's keys for parameters of `@MessageBody()`. */
const MESSAGE_BODY = '3:';

/** Returns whether a handler's data is validated in the way its parameters suggest. */
export function validationOf(
  gateway: GatewayClass,
  method: string,
  means: ValidationMeans,
): HandlerValidation {
  const payloads = payloadsOf(gateway, method);
  const judged = payloads.map(payload =>
    judge(payload, pipesFor(payload, gateway, method, means), means),
  );
  return {
    isValidated: payloads.length === 0 || judged.some(({ isValidated }) => isValidated),
    problems: judged.flatMap(({ problems }, at) =>
      problems.map(problem => `${gateway.name}.${method}: ${payloads[at]?.decorator} ${problem}`),
    ),
  };
}

/** Returns whether a handler has a parameter that only class-validator can validate. */
export function needsClassValidation(gateway: GatewayClass, method: string): boolean {
  return payloadsOf(gateway, method).some(({ type }) => isApplicationClass(type));
}

/** Returns whether a handler has a parameter that only an event can fill. It rejects plain messages. */
export function takesEventsOnly(gateway: GatewayClass, method: string): boolean {
  return payloadsOf(gateway, method).some(
    ({ decorator }) => decorator === '@EventData()' || decorator === '@SemanticEventBody()',
  );
}

function judge(
  payload: Payload,
  pipes: readonly unknown[],
  means: ValidationMeans,
): HandlerValidation {
  const { decorator } = payload;
  const type = pipes.map(expectedTypeOf).find(expected => expected !== undefined) ?? payload.type;
  if (pipes.some(pipe => validatesByItself(pipe, payload)))
    return { isValidated: true, problems: [] };
  if (pipes.some(pipe => validatesByType(pipe, payload))) return judgeType(type, pipes, means);
  if (payload.schema !== undefined)
    return unvalidated('has a schema, but no StandardSchemaValidationPipe that reads it');
  if (isApplicationClass(type) && means.classes?.isDecorated(type))
    return unvalidated(
      `has the class ${type.name}, but no ValidationPipe: ${
        decorator === '@SemanticEventBody()'
          ? 'receive the data by @EventData()'
          : 'use @EventData(), or add @UsePipes(new ValidationPipe()) to the handler. A global pipe does not run for gateways on Nest 11'
      }`,
    );
  return unvalidated();
}

/** Checks the type of a parameter whose pipes validate by type only. */
function judgeType(
  type: unknown,
  pipes: readonly unknown[],
  { classes }: ValidationMeans,
): HandlerValidation {
  if (type === undefined || type === Object) return unvalidated();
  if (isApplicationClass(type)) return judgeClass(type, classes);
  // Nest's ValidationPipe validates classes only.
  if (!pipes.some(isDataPipe)) return unvalidated();
  if (isPlainType(type)) return { isValidated: true, problems: [] };
  return unvalidated(
    type === Array
      ? 'has the type Array, which says nothing about its items: pass a schema, or new ParseArrayPipe({ items: … })'
      : `has the type ${nameOf(type)}, which JSON does not have: pass a schema, or declare what clients send`,
  );
}

function judgeClass(type: Type, classes: ClassValidation | undefined): HandlerValidation {
  if (!classes)
    return unvalidated(
      `has the class ${type.name}, but class-validator or class-transformer is not installed: install both, or pass a schema to @EventData()`,
    );
  const gaps = classes.gapsOf(type);
  return {
    isValidated: gaps.length === 0,
    problems: gaps.map(gap => `does not validate everything: ${gap}`),
  };
}

function unvalidated(...problems: string[]): HandlerValidation {
  return { isValidated: false, problems };
}

/** Returns what a handler and its decorators declare about its parameters. */
export function signatureOf(gateway: GatewayClass, method: string) {
  const prototype = gateway.prototype as Record<string, object>;
  return {
    handler: prototype[method] as (() => unknown) | undefined,
    types: (Reflect.getMetadata('design:paramtypes', prototype, method) ?? []) as unknown[],
    noted: Reflect.getMetadata(PARAMETERS_METADATA, gateway, method) as
      Record<string, Parameter> | undefined,
  };
}

function payloadsOf(gateway: GatewayClass, method: string): Payload[] {
  const { handler, types, noted } = signatureOf(gateway, method);
  if (!handler) return [];
  // Without parameter decorators Nest calls a handler with the socket and the data.
  if (!noted)
    return handler.length > 1 ? [{ index: 1, decorator: 'the message', type: types[1] }] : [];
  return Object.entries(noted).flatMap(([name, parameter]) => {
    const decorator = decoratorOf(name, parameter);
    return decorator ? [{ ...parameter, decorator, type: types[parameter.index] }] : [];
  });
}

function decoratorOf(name: string, { factory }: Parameter): Payload['decorator'] | undefined {
  if (name.startsWith(MESSAGE_BODY)) return '@MessageBody()';
  const kind = payloadKindOf(factory);
  return kind && (kind === 'data' ? '@EventData()' : '@SemanticEventBody()');
}

function pipesFor(
  { pipes = [] }: Payload,
  gateway: GatewayClass,
  method: string,
  { globalPipes }: ValidationMeans,
): unknown[] {
  const handler = (gateway.prototype as Record<string, object>)[method] ?? {};
  return [...globalPipes, ...pipesOn(gateway), ...pipesOn(handler), ...pipes];
}

function pipesOn(target: object): readonly unknown[] {
  return (Reflect.getMetadata(PIPES_METADATA, target) ?? []) as unknown[];
}

/** Returns whether a pipe validates any type of parameter. It trusts pipes that the application wrote itself. */
function validatesByItself(pipe: unknown, { schema, decorator }: Payload): boolean {
  if (isDataPipe(pipe)) return pipe instanceof EventDataPipe && pipe.schema !== undefined;
  if (isOf(pipe, common.DefaultValuePipe) || isOf(pipe, common.ValidationPipe)) return false;
  if (isOf(pipe, common.ParseArrayPipe)) return hasItems(pipe);
  if (isOf(pipe, Reflect.get(common, 'StandardSchemaValidationPipe')))
    return schema !== undefined && appliesTo(pipe, decorator);
  return true;
}

function validatesByType(pipe: unknown, { decorator }: Payload): boolean {
  return isDataPipe(pipe) || (isOf(pipe, common.ValidationPipe) && appliesTo(pipe, decorator));
}

function isDataPipe(pipe: unknown): boolean {
  return isOf(pipe, EventDataPipe);
}

/** Returns whether a pipe handles a parameter. Nest's own pipes skip parameters of custom decorators by default. */
function appliesTo(pipe: unknown, decorator: Payload['decorator']): boolean {
  if (decorator === '@MessageBody()' || decorator === 'the message') return true;
  return (
    typeof pipe === 'object' &&
    pipe !== null &&
    Reflect.get(pipe, 'validateCustomDecorators') === true
  );
}

/** Returns the `expectedType` of a ValidationPipe, which replaces the type of the parameter. */
function expectedTypeOf(pipe: unknown): unknown {
  return pipe instanceof common.ValidationPipe ? Reflect.get(pipe, 'expectedType') : undefined;
}

/** Returns whether a ParseArrayPipe has the option `items`. Without it, the pipe accepts any items. */
function hasItems(pipe: unknown): boolean {
  const { options } = pipe as { options?: { readonly items?: unknown } };
  return options?.items !== undefined;
}

/** Returns whether a pipe is an instance of a class, that class itself, or a subclass. */
function isOf(pipe: unknown, type: unknown): boolean {
  if (typeof type !== 'function') return false;
  return (
    pipe === type ||
    pipe instanceof type ||
    (typeof pipe === 'function' && pipe.prototype instanceof type)
  );
}

function nameOf(type: unknown): string {
  return typeof type === 'function' ? type.name : String(type);
}
