import { RefusalError } from '../protocol/errors.js';
import { parseRfc3339 } from './rfc3339.js';
import type { SemanticEvent } from './semantic-event.js';
import { isUri, isUriReference } from './uri.js';

export interface EventLimits {
  /** Characters in `id` and `type`. @default 256 */
  maxNameLength: number;
  /** Characters in every other attribute. @default 2048 */
  maxAttributeLength: number;
  /** Attributes beyond those CloudEvents defines. @default 32 */
  maxExtensions: number;
  /** Levels of objects and arrays inside `data`. @default 32 */
  maxDepth: number;
}

export const DEFAULT_EVENT_LIMITS: Readonly<EventLimits> = {
  maxNameLength: 256,
  maxAttributeLength: 2048,
  maxExtensions: 32,
  maxDepth: 32,
};

/** Attribute names are lower-case letters and digits (CloudEvents 1.0, "Attribute Naming Convention"). */
const ATTRIBUTE_NAME = /^[a-z0-9]{1,64}$/;
/** Control characters are not part of a CloudEvents String; lone surrogates are not Unicode text. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const NONCE = /^[A-Za-z0-9_-]{16,128}$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const DEFINED = new Set([
  'specversion',
  'type',
  'source',
  'id',
  'time',
  'subject',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
]);

/** Extensions that are text, and neither booleans nor numbers. */
const TEXTS = new Set([
  'semanticintent',
  'semantictags',
  'semanticcorrelationid',
  // What a tracer cannot read it ignores (W3C Trace Context, section 3.2.2.3); we need not.
  'traceparent',
  'tracestate',
]);

/**
 * Checks that a value parsed from JSON is a CloudEvents 1.0 event within the limits.
 *
 * The signature is not looked at: only the signer can say what is wrong with one.
 *
 * @throws RefusalError `INVALID_EVENT`
 */
export function validateEvent(
  value: unknown,
  limits: Readonly<EventLimits> = DEFAULT_EVENT_LIMITS,
): asserts value is SemanticEvent {
  if (!isEvent(value, limits)) throw new RefusalError('INVALID_EVENT');
}

/** Whether a value can be the `id` of an event within the default limits. */
export function isEventId(value: unknown): value is string {
  return isText(value, DEFAULT_EVENT_LIMITS.maxNameLength);
}

/**
 * What replay protection needs to know of an event: when it happened, in milliseconds since the Unix epoch,
 * and its nonce.
 *
 * @throws RefusalError `INVALID_EVENT` when either is missing or malformed
 */
export function freshnessOf(event: SemanticEvent): { time: number; nonce: string } {
  const time = typeof event.time === 'string' ? parseRfc3339(event.time) : undefined;
  if (time === undefined || !isNonce(event.semanticnonce)) throw new RefusalError('INVALID_EVENT');
  return { time, nonce: event.semanticnonce };
}

function isEvent(value: unknown, limits: Readonly<EventLimits>): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const event = value as Record<string, unknown>;
  return (
    event.specversion === '1.0' &&
    isText(event.type, limits.maxNameLength) &&
    isText(event.source, limits.maxAttributeLength) &&
    isUriReference(event.source) &&
    isText(event.id, limits.maxNameLength) &&
    isUnsetOr(event.time, isTime) &&
    isUnsetOr(event.subject, isText, limits.maxAttributeLength) &&
    isUnsetOr(event.datacontenttype, isText, limits.maxAttributeLength) &&
    isUnsetOr(event.dataschema, isSchema, limits.maxAttributeLength) &&
    isUnsetOr(event.semanticnonce, isNonce, limits.maxAttributeLength) &&
    hasOneData(event) &&
    hasValidExtensions(event, limits) &&
    isPlainJson(event.data, limits.maxDepth)
  );
}

/** An attribute sent as null is unset (CloudEvents JSON format, section 2.2). */
function isUnsetOr(
  value: unknown,
  check: (value: unknown, maxLength: number) => boolean,
  maxLength = Infinity,
): boolean {
  return value === undefined || value === null || check(value, maxLength);
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && parseRfc3339(value) !== undefined;
}

function isSchema(value: unknown, maxLength: number): boolean {
  return isText(value, maxLength) && isUri(value);
}

function isNonce(value: unknown, maxLength = Infinity): value is string {
  return typeof value === 'string' && value.length <= maxLength && NONCE.test(value);
}

function isText(value: unknown, maxLength: number): value is string {
  return value !== '' && isPrintable(value, maxLength);
}

function isPrintable(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength && !UNPRINTABLE.test(value);
}

function hasOneData(event: Record<string, unknown>): boolean {
  const binary = event.data_base64;
  if (binary === undefined || binary === null) return true;
  return (
    event.data === undefined &&
    typeof binary === 'string' &&
    binary.length % 4 === 0 &&
    BASE64.test(binary)
  );
}

function hasValidExtensions(
  event: Record<string, unknown>,
  limits: Readonly<EventLimits>,
): boolean {
  let extensions = 0;
  for (const name of Object.keys(event)) {
    if (DEFINED.has(name)) continue;
    if (++extensions > limits.maxExtensions) return false;
    if (name === 'semanticnonce' || name === 'semanticsignature') continue;
    if (!ATTRIBUTE_NAME.test(name)) return false;
    const check = TEXTS.has(name) ? isPrintable : isAttribute;
    if (!isUnsetOr(event[name], check, limits.maxAttributeLength)) return false;
  }
  return true;
}

/** A CloudEvents attribute in JSON: a string, a boolean or a 32-bit integer. */
function isAttribute(value: unknown, maxLength: number): boolean {
  if (typeof value === 'number') return Object.is(value | 0, value);
  return typeof value === 'boolean' || isPrintable(value, maxLength);
}

/**
 * Whether a parsed JSON value is one that reads the same to every receiver: not too deep, no number beyond a
 * double, no lone surrogate, and no `__proto__` member, which copying turns into another prototype. Nor a negative
 * zero, unless it is allowed: the canonical form of RFC 8785 does not tell it from zero.
 */
export function isPlainJson(
  value: unknown,
  depth: number,
  allowed: { negativeZero?: boolean } = {},
): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number')
    return Number.isFinite(value) && (allowed.negativeZero === true || !Object.is(value, -0));
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlainJson(item, depth - 1, allowed)) return false;
    return true;
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || !key.isWellFormed()) return false;
    if (!isPlainJson((value as Record<string, unknown>)[key], depth - 1, allowed)) return false;
  }
  return true;
}
