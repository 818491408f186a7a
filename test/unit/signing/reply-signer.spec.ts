import * as fc from 'fast-check';
import type { SemanticEvent } from '../../../lib/event/index.js';
import { canonicalize, EventSigner, ReplySigner } from '../../../lib/signing/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

fc.configureGlobal({ seed: 20_261_128 });

const clock = new FakeClock();
const options = resolvedOptions();
const signer = new EventSigner(options, clock);
const replies = new ReplySigner(signer, clock, options);
const client = clientAt('192.0.2.1', 'alice');

const REQUEST: SemanticEvent = { specversion: '1.0', type: 'ui.click', source: 'app', id: 'r"1' };
const BYTES = Uint8Array.of(0, 255, 128);

const replyTo = (result: unknown, request = REQUEST) => {
  const { type, text } = replies.sign(request, result, client);
  return { type, text, event: JSON.parse(text) as SemanticEvent };
};

describe('a signed reply', () => {
  it.each([
    ['a plain value', { a: [1, 'é😀"\\'] }, 'ui.click.reply', { data: { a: [1, 'é😀"\\'] } }],
    ['an empty text', '', 'ui.click.reply', { data: '' }],
    ['what Nest takes for an answer', { event: 'x"y', data: 7 }, 'x"y', { data: 7 }],
    ['one without data', { event: 'done', data: undefined }, 'done', {}],
    ['bytes', BYTES, 'ui.click.reply', { data_base64: 'AP+A' }],
    ['a date', new Date(0), 'ui.click.reply', { data: '1970-01-01T00:00:00.000Z' }],
    [
      'an event',
      { specversion: '1.0', type: 'own', source: '/me', subject: 's', semanticnonce: 'x' },
      'own',
      { source: '/me', subject: 's' },
    ],
  ])('made of %s says what the handler said, and verifies', (_, result, type, members) => {
    const reply = replyTo(result);
    expect(reply.type).toBe(type);
    expect(reply.event).toMatchObject({ ...members, type, semanticcorrelationid: 'r"1' });
    expect(signer.verify(reply.event, { direction: 's2c', client })).toBe('main');
  });

  it('is sent in its canonical form, the signature behind the rest', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ stringUnit: 'grapheme' }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (data, type) => {
          const { text, event } = replyTo({ event: type, data });
          const { semanticsignature, ...unsigned } = event;
          const open = canonicalize(unsigned).slice(0, -1);
          expect(text).toBe(`${open},"semanticsignature":"${String(semanticsignature)}"}`);
        },
      ),
    );
  });

  it('has an id and a nonce that no other has', () => {
    const [first, second] = [replyTo(1).event, replyTo(1).event];
    expect(first.id).not.toBe(second.id);
    expect(first.semanticnonce).not.toBe(second.semanticnonce);
  });

  it.each([NaN, 1n, () => 1, { a: '\ud800' }])('is none where the data has no JSON form', data => {
    expect(() => replyTo({ event: 'x', data })).toThrow(TypeError);
  });
});
