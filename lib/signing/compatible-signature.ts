import { compatibleFrameOf, type SemanticEvent } from '../event/index.js';
import { RefusalError } from '../protocol/index.js';
import { canonicalizeWithout } from './canonicalize.js';
import { type ExactJson, parseExact } from './exact-json.js';
import type { SigningKey } from './key-ring.js';
import { isMacOf } from './mac.js';
import { type PlainJson, pythonJson } from './python-json.js';

/**
 * The key an event was signed with in the compatible mode. The signature names none, so each is tried.
 *
 * @returns undefined when it was none of them, or when the frame the event came in is not known
 * @throws RefusalError `INVALID_EVENT` when the frame could be read in two ways
 */
export function findCompatibleKey(
  event: SemanticEvent,
  keys: readonly SigningKey[],
): SigningKey | undefined {
  const frame = compatibleFrameOf(event);
  if (frame === undefined) return undefined;
  let input: string;
  try {
    input = compatibleInput(frame);
  } catch {
    throw new RefusalError('INVALID_EVENT');
  }
  return keys.find(({ key }) => isMacOf(key, input, event.semanticsignature ?? '', 'hex'));
}

/**
 * The text a compatible signature covers, taken from the JSON an event was received in.
 *
 * @param frame the whole frame: the event, or an envelope with the event as its member `event`
 * @throws TypeError when a member is named twice, or there are too many levels
 */
function compatibleInput(frame: string): string {
  const outer = membersOf(parseExact(frame));
  const event = outer.has('specversion') ? outer : membersOf(outer.get('event'));
  return inputOf(event);
}

/** An event of our own making, as JSON text in the form its receiver signs by, and the text to sign. */
export function compatibleText(event: SemanticEvent): { text: string; input: string } {
  // Which is what becomes of dates and the like, and refuses what has no JSON form.
  const plain = JSON.parse(canonicalizeWithout(event, 'semanticsignature')) as PlainJson;
  const text = pythonJson(plain);
  return { text, input: inputOf(membersOf(parseExact(text))) };
}

type Members = ReadonlyMap<string, ExactJson>;

function membersOf(value: ExactJson | undefined): Members {
  if (!(value instanceof Map)) throw new TypeError('The frame holds no event');
  return value as Members;
}

function inputOf(event: Members): string {
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
