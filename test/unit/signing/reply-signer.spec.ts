import * as fc from 'fast-check';
import type { SemanticEvent } from '../../../lib/event/index.js';
import { canonicalize, EventSigner, reply, ReplySigner } from '../../../lib/signing/index.js';
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
