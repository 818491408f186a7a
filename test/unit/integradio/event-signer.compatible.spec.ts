import { type SemanticEvent, unverifiedOf } from '../../../lib/event/index.js';
import { Integradio } from '../../../lib/integradio/index.js';
import { NO_TELEMETRY } from '../../../lib/monitoring/index.js';
import { EventSigner, type VerifyOptions } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

// The first is the example of the wire protocol. The other two were created by Python's hmac and
// json.
const SECRET = '0123456789abcdef0123456789abcdef';
const EVENT = {
  specversion: '1.0',
  type: 'ui.click',
  source: 'app',
  id: 'fixed-id',
  time: '2026-11-23T10:00:00+00:00',
  datacontenttype: 'application/json',
  semanticnonce: '0123456789abcdef',
};
const ODD_DATA = String.raw`{"\ud83d\ude00": 1.0, "\ufb33": 12345678901234567890, "x": -0.0, "y": 1e+21, "s": "\u00e9\u007f\n"}`;
const VECTORS = [
  ['{"id": 1}', 'd93ad238c4b39c028b36c806b02901dcb423c32ee19669bc728982e617676756'],
  [undefined, '35bbee5cc7c7562743edef899c358266322cb5d7ba00926859274aeae8bd21e8'],
  [ODD_DATA, 'ed8763e27a87fc6220c3db4a3b586f0752aeaf055b208e76a282bcb69ad86d4c'],
] as const;
const [DATA, SIGNATURE] = VECTORS[0];

const mode = new Integradio();
const signerWith = (accept: ('v1' | 'integradio')[]) => {
  const keys = [
    { id: 'new', secret: 'n'.repeat(32) },
    { id: 'main', secret: SECRET },
  ];
  const options = resolvedOptions({ signing: { keys, accept } });
  const used = accept.includes('integradio') ? mode : null;
  return { signer: new EventSigner(options, new FakeClock(), NO_TELEMETRY, used), options };
};
const { signer, options } = signerWith(['v1', 'integradio']);

function received(data: string | undefined, members: object): SemanticEvent {
  const rest = JSON.stringify({ ...EVENT, ...members });
  const text = data === undefined ? rest : `${rest.slice(0, -1)},"data": ${data}}`;
  const frame = `{"type": "event", "event": ${text}}`;
  const { event } = JSON.parse(frame) as { event: unknown };
  return mode.receive(event, frame, options.event);
}

const outcome = (event: SemanticEvent, given?: VerifyOptions) =>
  refusalOf(() => signer.verify(event, given));

describe('compatible mode', () => {
  it.each(VECTORS)('verifies what Python signed: data %s', (data, semanticsignature) => {
    expect(signer.verify(received(data, { semanticsignature }))).toBe('main');
  });

  it.each([
    [SIGNATURE, true],
    [`${SIGNATURE}0`, false],
    [SIGNATURE.slice(1), false],
    [`v1.k.${SIGNATURE}`, false],
    [`${SIGNATURE}.`, false],
    [SIGNATURE.toUpperCase(), false],
    [[SIGNATURE], false],
    [undefined, false],
  ])('is recognized by a signature of 64 hexadecimal digits and nothing else: %j', (value, is) => {
    expect(mode.isSigned({ ...EVENT, semanticsignature: value })).toBe(is);
  });

  it('is off by default', () => {
    const event = received(DATA, { semanticsignature: SIGNATURE });
    const other = signerWith(['v1']).signer;
    expect(refusalOf(() => other.verify(event))).toBe('INVALID_SIGNATURE');
    expect(() => other.sign(event, { direction: 'c2s', scheme: 'integradio' })).toThrow(
      "add 'integradio' to signing.accept",
    );
  });

  it('verifies the received text only: an equal event without it is rejected', () => {
    const event = received(DATA, { semanticsignature: SIGNATURE });
    expect(outcome({ ...event })).toBe('INVALID_SIGNATURE');
  });

  it('verifies with ring keys only', () => {
    const event = received(DATA, { semanticsignature: SIGNATURE });
    expect(outcome(event, { keys: 'ring' })).toBeUndefined();
    expect(outcome(event, { keys: 'session' })).toBe('INVALID_SIGNATURE');
  });

  it('signs text that it verifies', () => {
    const init = { ...EVENT, specversion: '1.0', data: { '😀': 1e-7, '\ufb33': [true] } } as const;
    const text = signer.signToText(init, { direction: 'c2s', scheme: 'integradio' });
    const event = mode.receive(JSON.parse(text), text, options.event);
    expect(signer.verify(event)).toBe('new');
    expect(event.data).toEqual(init.data);
    const { semanticsignature } = signer.sign(init, { direction: 'c2s', scheme: 'integradio' });
    expect(semanticsignature).toBe(event.semanticsignature);
  });

  it('reproduces the signature of the example', () => {
    signer.rotate([{ id: 'main', secret: SECRET }]);
    const init = { ...EVENT, specversion: '1.0', data: { id: 1 } } as const;
    expect(signer.sign(init, { direction: 'c2s', scheme: 'integradio' }).semanticsignature).toBe(
      SIGNATURE,
    );
  });

  it('derives the direction from the source: only the server uses its own source', () => {
    const own = { ...EVENT, specversion: '1.0', source: options.signing.source } as const;
    const scheme = 'integradio';
    const text = signer.signToText(own, { scheme });
    const event = mode.receive(JSON.parse(text), text, options.event);
    expect(outcome(event)).toBe('INVALID_SIGNATURE');
    expect(outcome(event, { direction: 's2c' })).toBeUndefined();
    const foreign = { ...own, source: 'app' };
    const problem = "the server's own events, and no others, must have the server's source";
    expect(() => signer.sign(own, { scheme, direction: 'c2s' })).toThrow(problem);
    expect(() => signer.sign(foreign, { scheme })).toThrow(problem);
  });

  it('answers in the compatible scheme only verified requests, and only with its own source', () => {
    const request = received(DATA, { semanticsignature: SIGNATURE });
    const answer = { type: 'x', source: options.signing.source };
    expect(signer.schemeFor(request, answer)).toBe('v1');
    signer.verify(request);
    expect(signer.schemeFor(request, answer)).toBe('integradio');
    expect(signer.schemeFor(request, { ...answer, source: 'app' })).toBe('v1');
  });

  it.each<[string, object, VerifyOptions | undefined, string]>([
    [
      'a MAC of no key',
      { semanticsignature: '0'.repeat(64) },
      undefined,
      'no key in force matches',
    ],
    ['an event for session keys', {}, { keys: 'session' }, 'accepts the session key only'],
    ['the source of the server', {}, { direction: 's2c' }, 'the source of the other direction'],
  ])('tells operators why it refuses %s', (_, members, given, reason) => {
    const event = received(DATA, { semanticsignature: SIGNATURE, ...members });
    expect(() => signer.verifyScope(event, given)).toThrow(
      expect.objectContaining({
        code: 'INVALID_SIGNATURE',
        reason: expect.stringContaining(reason) as string,
      }) as Error,
    );
  });

  it.each<[string, string | undefined, object, string]>([
    ['tags that are not text', DATA, { semantictags: ['a', 7] }, 'semantictags must hold strings'],
    ['tags of which none is text', DATA, { semantictags: [7] }, 'semantictags must hold strings'],
    ['binary data', undefined, { data_base64: 'AA==' }, 'data_base64, or data that JSON readers'],
    ['data that readers understand differently', String.raw`"\ud800"`, {}, 'data_base64, or data'],
  ])('receives no event with %s', (_, data, members, reason) => {
    expect(() => received(data, { semanticsignature: SIGNATURE, ...members })).toThrow(
      expect.objectContaining({
        code: 'INVALID_EVENT',
        reason: expect.stringContaining(reason) as string,
      }) as Error,
    );
  });

  it('refuses tags that are too long together, as if they were one text', () => {
    const tags = (count: number) =>
      received(DATA, { semanticsignature: SIGNATURE, semantictags: Array(count).fill('tag') });
    expect(() => tags(2)).not.toThrow();
    expect(() => tags(1_000)).toThrow(expect.objectContaining({ code: 'INVALID_EVENT' }) as Error);
  });

  it('refuses a frame in which a member occurs twice, and recognizes only text as its signature', () => {
    const text = JSON.stringify({ ...EVENT, semanticsignature: SIGNATURE });
    const frame = `{"type":"event","event":${text.slice(0, -1)},"data":1,"data":2}}`;
    const { event } = JSON.parse(frame) as { event: unknown };
    expect(() => signer.verifyScope(mode.receive(event, frame, options.event))).toThrow(
      expect.objectContaining({
        code: 'INVALID_EVENT',
        reason: 'a member occurs twice in the frame',
      }) as Error,
    );
    for (const other of [undefined, null, 'text', {}, { semanticsignature: [SIGNATURE] }])
      expect(mode.isSigned(other)).toBe(false);
  });

  it('creates a nonce of 16 hexadecimal digits for what it signs', () => {
    const { semanticnonce: _, specversion: __, ...bare } = EVENT;
    const event = signer.sign(bare, { direction: 'c2s', scheme: 'integradio' });
    expect(event.semanticnonce).toMatch(/^[0-9a-f]{16}$/);
  });

  it('moves unsigned attributes to unverifiedOf()', () => {
    const semantictags = ['a', 'b'];
    const event = received(DATA, { semanticsignature: SIGNATURE, subject: 'x', semantictags });
    expect(event).not.toHaveProperty('subject');
    expect(event).not.toHaveProperty('semantictags');
    expect({ ...unverifiedOf(event) }).toEqual({
      subject: 'x',
      semantictags,
      datacontenttype: 'application/json',
    });
  });
});
