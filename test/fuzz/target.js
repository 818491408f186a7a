// The fuzzed code: everything between the bytes of a frame and a verified event. It runs on the built library.
import { createSecretKey } from 'node:crypto';
import reference from 'canonicalize';
import { isExpired, isPattern, matchesPattern, validateEvent } from '../../dist/event/index.js';
import {
  CLOUDEVENTS_PROTOCOL,
  decodeFrame,
  NATIVE_PROTOCOL,
  RefusalError,
} from '../../dist/protocol/index.js';
import { canonicalize } from '../../dist/signing/canonicalize.js';
import { computeMac, isMacOf } from '../../dist/signing/mac.js';
import { eventJsonIn } from '../../dist/connection/guarded/subprotocol.js';
import {
  formatSignature,
  parseSignature,
  receivedInput,
  signingInput,
} from '../../dist/signing/signature.js';

const key = createSecretKey(Buffer.from('fuzz-secret-fuzz-secret-fuzz-secret!'));

/**
 * Handles one text like a server.
 *
 * @returns the last stage it reached
 * @throws errors that a server must never throw
 */
export function take(text, bare) {
  let stage = 'frame';
  try {
    const subprotocol = bare ? CLOUDEVENTS_PROTOCOL : NATIVE_PROTOCOL;
    const frame = decodeFrame(text, subprotocol);
    if (frame.kind !== 'event') return frame.kind;
    stage = 'event';
    validateEvent(frame.event);
    stage = 'signature';
    check(frame.event, eventJsonIn(Buffer.from(text), subprotocol));
    return 'event signed';
  } catch (error) {
    if (stage !== 'signature' && error instanceof RefusalError) return `${stage} ${error.code}`;
    throw error;
  }
}

/** Checks the invariants of every accepted event. @param json the text it was parsed from, if known */
function check(event, json) {
  const input = signingInput(event, 'c2s');
  const { semanticsignature, ...unsigned } = event;
  const text = canonicalize(unsigned);
  must(input === `v1.c2s.${text}`, 'what is signed is the canonical form');
  must(canonicalize(JSON.parse(text)) === text, 'the canonical form is a fixed point');
  must(text === reference(unsigned), 'the canonical form is the one of another implementation');
  must(Object.getPrototypeOf(event) === Object.prototype, 'no other prototype');
  must({}.polluted === undefined, 'no polluted prototype');

  const received = json && receivedInput(json, 'c2s');
  must(!received || received.join('') === input, 'what was received is what was signed');

  const mac = computeMac(key, input);
  must(isMacOf(key, input, mac), 'its own MAC is taken');
  const parts = parseSignature(formatSignature('main', mac));
  must(parts?.keyId === 'main' && parts.mac === mac, 'a signature is read as it was written');
  const claimed = parseSignature(semanticsignature);
  must(
    !claimed || claimed.mac === mac || !isMacOf(key, input, claimed.mac),
    'no other MAC is taken',
  );
  isExpired(event, { now: 0 });
  if (isPattern(event.type) && !event.type.includes('*'))
    must(matchesPattern(event.type, event.type), 'a type matches itself');
}

function must(isSo, what) {
  if (!isSo) throw new Error(`broken: ${what}`);
}
