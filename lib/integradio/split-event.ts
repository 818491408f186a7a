import {
  type EventLimits,
  isPlainJson,
  type SemanticEvent,
  type UnverifiedAttributes,
  validateEvent,
} from '../event/index.js';
import { RefusalError } from '../protocol/index.js';

/** The attributes that a signature of this mode covers besides the data, and the signature. */
const COVERED = new Set([
  'specversion',
  'type',
  'source',
  'id',
  'time',
  'semanticnonce',
  'semanticsignature',
]);

/**
 * Validates an event that was signed in the compatible mode, and separates the signed members from the others.
 *
 * @throws RefusalError `INVALID_EVENT`
 */
export function splitEvent(
  value: Record<string, unknown>,
  limits: Readonly<EventLimits>,
): { event: SemanticEvent; unverified: UnverifiedAttributes } {
  const { data = null, data_base64: binary = null, semantictags: tags, ...rest } = value;
  validateEvent({ ...rest, semantictags: Array.isArray(tags) ? joined(tags) : tags }, limits);
  // This mode never signs binary data. It signs a negative zero by the digits that arrived.
  if (binary !== null || !isPlainJson(data, limits.maxDepth, { negativeZero: true }))
    throw new RefusalError('INVALID_EVENT', {
      reason: 'data_base64, or data that JSON readers do not agree on, in an integradio event',
    });

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
  if (!tags.every(tag => typeof tag === 'string'))
    throw new RefusalError('INVALID_EVENT', { reason: 'semantictags must hold strings' });
  return tags.join(',');
}
