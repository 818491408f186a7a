import type { SemanticEvent } from '../event/index.js';
import { canonicalizeWithout } from '../signing/index.js';
import { type ExactJson, parseExact } from './exact-json.js';
import { type PlainJson, pythonJson } from './python-json.js';

/**
 * Returns the text that the signature of an event covers, from the JSON of the event.
 *
 * @param frame the whole frame: the event, or an envelope with the event as its member `event`
 * @throws TypeError if a member occurs twice, or if there are too many levels
 */
export function signedTextIn(frame: string): string {
  const outer = membersOf(parseExact(frame));
  const event = outer.has('specversion') ? outer : membersOf(outer.get('event'));
  const valueOf = (name: string) => event.get(name) ?? null;
  return pythonJson(
    new Map([
      ['data', valueOf('data')],
      ['id', valueOf('id')],
      ['nonce', valueOf('semanticnonce')],
      ['source', valueOf('source')],
      ['time', valueOf('time')],
      ['type', valueOf('type')],
    ]),
  );
}

/** Returns an event without its signature as JSON text, in the form that its receiver signs by. */
export function textOf(event: SemanticEvent): string {
  // Convert dates and the like to JSON, and reject values without a JSON form.
  return pythonJson(JSON.parse(canonicalizeWithout(event, 'semanticsignature')) as PlainJson);
}

function membersOf(value: ExactJson | undefined): ReadonlyMap<string, ExactJson> {
  if (!(value instanceof Map)) throw new TypeError('The frame contains no event');
  return value as ReadonlyMap<string, ExactJson>;
}
