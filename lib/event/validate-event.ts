import { RefusalError } from '../protocol/errors.js';
import { parseRfc3339 } from './rfc3339.js';
import type { SemanticEvent } from './semantic-event.js';
import { isUri, isUriReference } from './uri.js';

export interface EventLimits {
  /** The maximum number of characters in `id` and `type`. @default 256 */
  maxNameLength: number;
  /** The maximum number of characters in every other attribute. @default 2048 */
  maxAttributeLength: number;
  /** The maximum number of extension attributes. @default 32 */
  maxExtensions: number;
  /** The maximum nesting of objects and arrays inside `data`. @default 32 */
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
/** A CloudEvents String has no control characters, surrogates or noncharacters (CloudEvents 1.0, "Type System"). */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{NChar}]/u;
/** A media type (RFC 2046, grammar of RFC 2045, section 5.1). */
const MEDIA_TYPE =
  /^[\w!#$%&'*+.^`{|}~-]+\/[\w!#$%&'*+.^`{|}~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`{|}~-]+=(?:[\w!#$%&'*+.^`{|}~-]+|"(?:[^"\\]|\\.)*"))*$/;
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

/** Extensions that must be strings. */
const TEXTS = new Set([
  'semanticintent',
  'semantictags',
  'semanticcorrelationid',
  // A tracer ignores what it cannot parse (W3C Trace Context, section 3.2.2.3): no check is needed here.
  'traceparent',
  'tracestate',
]);

/**
 * Validates that a parsed value is a CloudEvents 1.0 event within the limits.
 *
 * The signature is not validated here: only the signer can judge one.
 *
 * @throws RefusalError `INVALID_EVENT`
 */
export function validateEvent(
  value: unknown,
  limits: Readonly<EventLimits> = DEFAULT_EVENT_LIMITS,
): asserts value is SemanticEvent {
  if (!isEvent(value, limits))
    throw new RefusalError('INVALID_EVENT', { reason: () => problemOf(value, limits) });
}

/** Names the first rule that an invalid event breaks, without any of its values. */
function problemOf(value: unknown, limits: Readonly<EventLimits>): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'the event is not a JSON object';
  const event = value as Record<string, unknown>;
  const { maxNameLength: short, maxAttributeLength: long, maxDepth } = limits;
  if (event.specversion !== '1.0') return 'specversion must be "1.0"';
  for (const [name, maxLength] of [
    ['type', short],
    ['source', long],
    ['id', short],
  ] as const) {
    if (event[name] === undefined || event[name] === null) return `${name} is missing`;
    if (!isText(event[name], maxLength)) return textProblem(name, maxLength);
  }
  if (!isUriReference(event.source as string)) return 'source must be a URI reference';
  if (!isUnsetOr(event.time, isTime)) return 'time must be an RFC 3339 date-time with an offset';
  if (!isUnsetOr(event.subject, isText, long)) return textProblem('subject', long);
  if (!isUnsetOr(event.datacontenttype, isMediaType, long))
    return `datacontenttype must be a media type${upTo(long)}, such as application/json`;
  if (!isUnsetOr(event.dataschema, isSchema, long)) return 'dataschema must be a URI';
  if (!isUnsetOr(event.semanticnonce, isNonce, long)) return NONCE_RULE;
  if (!hasOneData(event)) return 'data_base64 must be base64, and without data beside it';
  return extensionProblem(event, limits) ?? dataProblem(event.data, maxDepth);
}

const NONCE_RULE = 'semanticnonce must be 16 to 128 of A-Z a-z 0-9 _ -';

function textProblem(name: string, maxLength: number): string {
  return maxLength === Infinity
    ? `${name} must be a non-empty string without control characters`
    : `${name} must be a string of 1 to ${maxLength} characters without control characters`;
}

function upTo(maxLength: number): string {
  return maxLength === Infinity ? '' : ` of at most ${maxLength} characters`;
}

function extensionProblem(
  event: Record<string, unknown>,
  limits: Readonly<EventLimits>,
): string | undefined {
  const { maxExtensions, maxAttributeLength } = limits;
  const names = Object.keys(event).filter(name => !DEFINED.has(name));
  if (names.length > maxExtensions) return `more than ${maxExtensions} extension attributes`;
  for (const name of names) {
    if (hasValidExtensions({ [name]: event[name] }, limits)) continue;
    if (!ATTRIBUTE_NAME.test(name)) return `attribute name "${name}" must be 1 to 64 of a-z 0-9`;
    const kind = TEXTS.has(name) ? 'a string' : 'a string, boolean or 32-bit integer';
    return `${name} must be ${kind}${upTo(maxAttributeLength)}`;
  }
  return undefined;
}

function dataProblem(data: unknown, maxDepth: number): string {
  if (isDeeper(data, maxDepth)) return `data has more than ${maxDepth} levels`;
  return 'data has a member __proto__, a lone surrogate, -0, or a number beyond a double';
}

/** Returns whether a value has more levels than `depth`. It looks no deeper, because a client could exhaust the stack. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some(member => isDeeper(member, depth - 1));
}

/** Returns whether a value can be the `id` of an event within the default limits. */
export function isEventId(value: unknown): value is string {
  return isText(value, DEFAULT_EVENT_LIMITS.maxNameLength);
}

/**
 * Returns what replay protection needs: the time of an event, in milliseconds since the Unix epoch, and its nonce.
 *
 * @throws RefusalError `INVALID_EVENT` when either is missing or malformed
 */
export function freshnessOf(event: SemanticEvent): { time: number; nonce: string } {
  const time = typeof event.time === 'string' ? parseRfc3339(event.time) : undefined;
  if (time === undefined) throw new RefusalError('INVALID_EVENT', { reason: timeProblem(event) });
  if (!isNonce(event.semanticnonce))
    throw new RefusalError('INVALID_EVENT', { reason: nonceProblem(event) });
  return { time, nonce: event.semanticnonce };
}

function timeProblem({ time }: SemanticEvent): string {
  return time === undefined ? 'time is missing: a signed event needs one' : 'time is not RFC 3339';
}

function nonceProblem({ semanticnonce }: SemanticEvent): string {
  return semanticnonce === undefined
    ? 'semanticnonce is missing: a signed event needs one'
    : NONCE_RULE;
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
    isUnsetOr(event.datacontenttype, isMediaType, limits.maxAttributeLength) &&
    isUnsetOr(event.dataschema, isSchema, limits.maxAttributeLength) &&
    isUnsetOr(event.semanticnonce, isNonce, limits.maxAttributeLength) &&
    hasOneData(event) &&
    hasValidExtensions(event, limits) &&
    isPlainJson(event.data, limits.maxDepth)
  );
}

/** An attribute that is null is unset (CloudEvents JSON format, section 2.2). */
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

function isMediaType(value: unknown, maxLength: number): boolean {
  if (value === 'application/json') return true;
  return isText(value, maxLength) && MEDIA_TYPE.test(value);
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
 * Returns whether every receiver reads the same from a parsed JSON value: it is not too deep and has no number beyond a double,
 * no lone surrogate, and no `__proto__` member, which copying turns into a prototype. A negative zero is refused unless
 * allowed: the canonical form of RFC 8785 does not distinguish it from zero.
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
