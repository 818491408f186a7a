import * as fc from 'fast-check';
import type { SemanticEvent } from '../../../lib/event/index.js';
import { Integradio } from '../../../lib/integradio/index.js';
import { NO_TELEMETRY } from '../../../lib/monitoring/index.js';
import {
  canonicalize,
  EventSigner,
  reply,
  ReplySigner,
  type SignOptions,
} from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

fc.configureGlobal({ seed: 20_261_128 });

const clock = new FakeClock();
const options = resolvedOptions();
const signer = new EventSigner(options, clock);
const replies = new ReplySigner(signer, clock, options);
const client = clientAt('192.0.2.1', 'alice');
signer.sessionKeyOf(client);

const REQUEST: SemanticEvent = { specversion: '1.0', type: 'ui.click', source: 'app', id: 'r"1' };
const BYTES = Uint8Array.of(0, 255, 128);

const replyTo = (result: unknown, request = REQUEST) => {
  const { type, text } = replies.answer(request, result, client);
  return { type, text, event: JSON.parse(text) as SemanticEvent };
};

describe('a signed reply', () => {
  it.each([
    ['a plain value', { a: [1, 'é😀"\\'] }, 'ui.click.reply', { data: { a: [1, 'é😀"\\'] } }],
    ['an empty string', '', 'ui.click.reply', { data: '' }],
    ['a marked reply', reply({ type: 'x"y', data: 7 }), 'x"y', { data: 7 }],
    ['a marked reply without data', reply({ type: 'done' }), 'done', {}],
    ["Nest's answer", { event: 'x', data: 7 }, 'ui.click.reply', { data: { event: 'x', data: 7 } }],
    ['bytes', BYTES, 'ui.click.reply', { data_base64: 'AP+A' }],
    ['a date', new Date(0), 'ui.click.reply', { data: '1970-01-01T00:00:00.000Z' }],
    [
      'a marked reply with attributes that are undefined',
      reply({ type: 'own', data: BYTES, data_base64: undefined, datacontenttype: undefined }),
      'own',
      { data_base64: 'AP+A', datacontenttype: 'application/octet-stream' },
    ],
    [
      'a marked reply with attributes',
      reply({ type: 'own', subject: 's', data: BYTES, datacontenttype: 'image/png' }),
      'own',
      { subject: 's', data_base64: 'AP+A', datacontenttype: 'image/png' },
    ],
  ])('of %s has what the handler returned, and verifies', (_, result, type, members) => {
    const reply = replyTo(result);
    expect(reply.type).toBe(type);
    expect(reply.event).toMatchObject({ ...members, type, semanticcorrelationid: 'r"1' });
    expect(signer.verify(reply.event, { direction: 's2c', client })).toMatch(/^s-/);
    expect(reply.event).toMatchObject({ specversion: '1.0', source: options.signing.source });
    for (const name of ['data', 'data_base64']) expect(name in reply.event).toBe(name in members);
  });

  it('is sent in canonical form, followed by the signature', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ stringUnit: 'grapheme' }),
        fc
          .string({ unit: 'grapheme', minLength: 1 })
          .filter(type => !/[\p{Cc}\p{Cs}\p{NChar}]/u.test(type)),
        (data, type) => {
          const { text, event } = replyTo(reply({ type, data }));
          const { semanticsignature, ...unsigned } = event;
          const open = canonicalize(unsigned).slice(0, -1);
          expect(text).toBe(`${open},"semanticsignature":"${String(semanticsignature)}"}`);
        },
      ),
    );
  });

  it('has a unique id and nonce', () => {
    const [first, second] = [replyTo(1).event, replyTo(1).event];
    expect(first.id).not.toBe(second.id);
    expect(first.semanticnonce).not.toBe(second.semanticnonce);
  });

  it.each([NaN, 1n, () => 1, { a: '\ud800' }])(
    'is not created if the data has no JSON form',
    data => {
      expect(() => replyTo(reply({ type: 'x', data }))).toThrow(TypeError);
    },
  );
});

describe('a reply to a client without a session key', () => {
  const stranger = clientAt('192.0.2.2');
  const signatureFor = (request: SemanticEvent) => {
    const { text } = replies.answer(request, 1, stranger);
    return (JSON.parse(text) as SemanticEvent).semanticsignature;
  };
  const signed = (options: SignOptions) => signer.sign(REQUEST, options);

  it('has a ring signature only if a ring key has signed the request of a client', () => {
    expect(signatureFor(REQUEST)).toBeUndefined();
    const byRing = signed({ direction: 'c2s' });
    expect(signatureFor(byRing)).toBeUndefined();
    signer.verify(byRing);
    expect(signatureFor(byRing)).toMatch(/^v1\.main\./);
    const bySession = signed({ direction: 'c2s', client });
    signer.verify(bySession, { client });
    expect(signatureFor(bySession)).toBeUndefined();
    const ofServer = signed({ direction: 's2c' });
    signer.verify(ofServer, { direction: 's2c' });
    expect(signatureFor(ofServer)).toBeUndefined();
  });
});

describe('a reply in the compatible mode', () => {
  it('answers a verified request of that mode in its scheme, with the source of the server', () => {
    const mode = new Integradio();
    const accepting = resolvedOptions({
      signing: { keys: [...options.signing.keys], accept: ['v1', 'integradio'] },
    });
    const both = new EventSigner(accepting, clock, NO_TELEMETRY, mode);
    const sent = both.signToText(REQUEST, { direction: 'c2s', scheme: 'integradio' });
    const request = mode.receive(JSON.parse(sent), sent, accepting.event);
    const answers = new ReplySigner(both, clock, accepting);
    const answer = (result: unknown) =>
      JSON.parse(answers.answer(request, result, client).text) as SemanticEvent;
    expect(answer(1).semanticsignature).toBeUndefined();
    both.verify(request);
    const { type, text } = answers.answer(
      request,
      reply({ type: 'own', data: 7, subject: 's' }),
      client,
    );
    expect(type).toBe('own');
    expect(JSON.parse(text)).toMatchObject({
      type: 'own',
      data: 7,
      subject: 's',
      source: accepting.signing.source,
      semanticcorrelationid: REQUEST.id,
      semanticsignature: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const received = mode.receive(JSON.parse(text), text, accepting.event);
    expect(both.verify(received, { direction: 's2c' })).toBe('main');
    expect(answer(1)).toMatchObject({ type: 'ui.click.reply', data: 1 });
  });
});
