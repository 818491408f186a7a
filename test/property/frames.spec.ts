import fc from 'fast-check';
import {
  type ClientFrame,
  CLOUDEVENTS_PROTOCOL,
  decodeFrame,
  NATIVE_PROTOCOL,
  RefusalError,
} from '../../lib/protocol/index.js';

fc.configureGlobal({ seed: 20_261_123, numRuns: 1_000 });

const subprotocols = fc.constantFrom(NATIVE_PROTOCOL, CLOUDEVENTS_PROTOCOL);
const words = fc.constantFrom(
  'auth',
  'event',
  'subscribe',
  'unsubscribe',
  'ping',
  'pong',
  'toString',
  '',
);
const values = fc.oneof(words, fc.jsonValue({ maxDepth: 1 }));
const members = {
  type: fc.oneof({ weight: 3, arbitrary: words }, values),
  event: values,
  token: values,
  data: values,
  patterns: values,
  since: values,
};
/** Objects that look like frames. */
const frames = fc.record(members, { requiredKeys: [] });
const bareEvents = fc.record(
  { ...members, specversion: values },
  { requiredKeys: ['specversion'] },
);

function decode(
  text: string,
  subprotocol: Parameters<typeof decodeFrame>[1],
): ClientFrame | undefined {
  try {
    return decodeFrame(text, subprotocol);
  } catch (error) {
    expect(error).toBeInstanceOf(RefusalError);
    expect(error).toMatchObject({ code: 'BAD_FRAME' });
    return undefined;
  }
}

describe('decodeFrame', () => {
  it('decodes any text as a frame or throws BAD_FRAME', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      frames.map(frame => JSON.stringify(frame)),
    );
    fc.assert(
      fc.property(texts, subprotocols, (text, subprotocol) => {
        const kinds = ['auth', 'event', 'subscribe', 'unsubscribe', 'ping', 'nest', undefined];

        expect(kinds).toContain(decode(text, subprotocol)?.kind);
      }),
    );
  });

  it('throws BAD_FRAME for JSON that is not an object', () => {
    const json = fc.oneof(
      fc.array(frames),
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
    );
    fc.assert(
      fc.property(json, subprotocols, (value, subprotocol) => {
        expect(decode(JSON.stringify(value), subprotocol)).toBeUndefined();
      }),
    );
  });

  it('passes a bare event on complete, whatever else it contains', () => {
    fc.assert(
      fc.property(bareEvents, subprotocols, (event, subprotocol) => {
        const text = JSON.stringify(event);

        expect(decode(text, subprotocol)).toEqual({
          kind: 'event',
          event: JSON.parse(text) as unknown,
        });
      }),
    );
  });

  it("decodes a frame as the protocol's table says", () => {
    fc.assert(
      fc.property(frames, subprotocols, (frame, subprotocol) => {
        expect(decode(JSON.stringify(frame), subprotocol)?.kind).toBe(
          expectedKind(frame, subprotocol),
        );
      }),
    );
  });
});

function expectedKind(
  { type, token, event }: { [K in keyof typeof members]?: unknown },
  subprotocol: string,
) {
  if (type === 'ping' || type === 'subscribe' || type === 'unsubscribe') return type;
  if (type === 'auth') return typeof token === 'string' ? type : undefined;
  if (subprotocol === CLOUDEVENTS_PROTOCOL) return undefined;
  if (type === 'event') return event === undefined ? undefined : type;
  return type === undefined && typeof event === 'string' ? 'nest' : undefined;
}
