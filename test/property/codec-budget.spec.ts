import fc from 'fast-check';
import { validateEvent } from '../../lib/event/index.js';
import {
  CLOUDEVENTS_PROTOCOL,
  decodeFrame,
  NATIVE_PROTOCOL,
  RefusalError,
} from '../../lib/protocol/index.js';
import { signingInput } from '../../lib/signing/signature.js';
import { leastCpuTime } from '../helpers/cpu-time.js';

fc.configureGlobal({ seed: 20_261_123, numRuns: 400 });

/** The default maximum of a message. */
const MAX_BYTES = 65_536;
/** CPU time, a multiple of what the slowest frame needs on a slow machine. */
const BUDGET = 250;

const attributes = [
  '"type":"a"',
  '"source":"b"',
  '"id":"c"',
  '"time":"2026-11-23T10:00:00Z"',
  '"semanticnonce":"aaaaaaaaaaaaaaaa"',
];
const event = (members: string) => `{"specversion":"1.0",${attributes.join(',')},${members}}`;
const fill = (piece: string, bytes = MAX_BYTES) =>
  piece.repeat(Math.floor((bytes - 200) / Buffer.byteLength(piece)));

/** Messages of the maximum size with content that is slow in some parser. */
const worst: [string, string][] = [
  ['open brackets', fill('[')],
  ['closed brackets', event(`"data":${fill('[', 32_000)}${fill(']', 32_000)}`)],
  ['open objects', fill('{"a":')],
  ['escapes', event(`"data":"${fill('\\u0000')}"`)],
  ['lone surrogates', event(`"data":"${fill('\\ud800')}"`)],
  ['many members', event(`"data":{${numbered('"k%":0')}}`)],
  ['many attributes', event(numbered('"x%":0'))],
  ['one member many times', event(fill('"data":0,').slice(0, -1))],
  ['digits', event(`"data":${fill('9')}`)],
  ['a long type', event(`"type":"${fill('a.')}"`)],
  ['a long time', event(`"time":"${fill('2026-')}"`)],
  ['much base64', event(`"data_base64":"${fill('AAAA')}"`)],
  ['white space', event(`"data":${fill(' ')}1`)],
  ['numbers', event(`"data":[${fill('1e9,').slice(0, -1)}]`)],
];

function numbered(piece: string): string {
  let text = '';
  for (let at = 0; text.length < MAX_BYTES - 400; at++) text += `,${piece.replace('%', `${at}`)}`;
  return text.slice(1);
}

/** Processes the text of a frame up to its signing input. A rejection has a code. */
function take(text: string, subprotocol: Parameters<typeof decodeFrame>[1]): string {
  try {
    const frame = decodeFrame(text, subprotocol);
    if (frame.kind !== 'event') return frame.kind;
    validateEvent(frame.event);
    signingInput(frame.event, 'c2s');
    return 'signed';
  } catch (error) {
    expect(error).toBeInstanceOf(RefusalError);
    return (error as RefusalError).code;
  }
}

describe('decoding and canonicalizing a frame', () => {
  it.each(worst)('takes no longer than the budget: %s', (_, text) => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_BYTES);
    expect(leastCpuTime(() => take(text, NATIVE_PROTOCOL))).toBeLessThan(BUDGET);
  });

  it('throws only rejections, whatever the bytes', () => {
    const pieces = fc.constantFrom(
      ...'{}[],:"\\'.split(''),
      '"specversion":"1.0"',
      ...attributes,
      '"data":',
      '"__proto__":',
      '"toJSON":',
      '"semanticsignature":',
      '1e400',
      '-0',
      '\\ud800',
      'null',
      '"type":"event","event":',
    );
    const texts = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes).toString('utf8')),
      fc.array(pieces, { maxLength: 20 }).map(parts => parts.join('')),
      fc.array(pieces, { maxLength: 6 }).map(parts => event(`"data":${parts.join('')}`)),
      fc.json({ maxDepth: 3 }).map(json => event(`"data":${json}`)),
      fc
        .dictionary(fc.constantFrom('type', 'toJSON', 'time', 'data', 'x'), fc.jsonValue())
        .map(members => JSON.stringify({ ...(JSON.parse(event('"y":1')) as object), ...members })),
    );
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(
        texts,
        fc.constantFrom(NATIVE_PROTOCOL, CLOUDEVENTS_PROTOCOL),
        (text, protocol) => {
          outcomes.add(take(text, protocol));
        },
      ),
      { numRuns: 5_000 },
    );
    for (const outcome of ['signed', 'BAD_FRAME', 'INVALID_EVENT'])
      expect(outcomes).toContain(outcome);
  });
});
