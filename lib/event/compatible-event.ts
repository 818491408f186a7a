import { RefusalError } from '../protocol/errors.js';
import type { SemanticEvent } from './semantic-event.js';
import { type EventLimits, isPlainJson, validateEvent } from './validate-event.js';

/** What an event said that its signature does not cover: whoever carried the event can have written it. */
export interface UnverifiedAttributes {
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly semanticintent?: string;
  readonly semantictags?: string | readonly string[];
  readonly semanticcorrelationid?: string;
  readonly [extension: string]: unknown;
}

const SIGNATURE = /^[0-9a-f]{64}$/;
const COVERED = new Set([
  'specversion',
  'type',
  'source',
  'id',
  'time',
  'data',
  'semanticnonce',
  'semanticsignature',
]);

/** Whether a signature has the form of the compatible mode. */
export function isCompatibleSignature(signature: unknown): signature is string {
  return typeof signature === 'string' && SIGNATURE.test(signature);
}

/** Whether a value parsed from JSON says that it was signed in the way of the compatible mode. */
export function isCompatibleEvent(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'semanticsignature' in value &&
    isCompatibleSignature(value.semanticsignature)
  );
}

/**
 * Checks an event that was signed in the way of the compatible mode, and parts what the signature covers from
 * what it does not.
 *
 * @throws RefusalError `INVALID_EVENT`
 */
export function splitCompatibleEvent(
  value: Record<string, unknown>,
  limits: Readonly<EventLimits>,
): { event: SemanticEvent; unverified: UnverifiedAttributes } {
  const { data = null, data_base64: binary = null, semantictags: tags, ...rest } = value;
  validateEvent({ ...rest, semantictags: Array.isArray(tags) ? joined(tags) : tags }, limits);
  // Nobody has signed binary data. A negative zero has: it is signed by the digits it was sent with.
  if (binary !== null || !isPlainJson(data, limits.maxDepth, { negativeZero: true }))
    throw new RefusalError('INVALID_EVENT');

  const attributes = Object.entries({ ...rest, semantictags: tags });
  const covered = attributes.filter(([name]) => COVERED.has(name));
  const uncovered = attributes.filter(
    ([name, attribute]) => !COVERED.has(name) && attribute !== undefined && attribute !== null,
  );
  return {
    event: { ...(Object.fromEntries(covered) as unknown as SemanticEvent), data },
    unverified: Object.freeze(
      Object.assign(Object.create(null) as object, Object.fromEntries(uncovered)),
    ),
  };
}

function joined(tags: unknown[]): string | undefined {
  if (!tags.every(tag => typeof tag === 'string')) throw new RefusalError('INVALID_EVENT');
  return tags.join(',');
}
