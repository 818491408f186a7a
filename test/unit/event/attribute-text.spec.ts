import { isEventId, validateEvent } from '../../../lib/event/index.js';

const event = (attributes: Record<string, unknown>): Record<string, unknown> => ({
  specversion: '1.0',
  type: 'ui.click',
  source: '/app',
  id: 'e-1',
  ...attributes,
});
const validating = (name: string, text: string) => () => {
  validateEvent(event({ [name]: text }));
};
const refused = expect.objectContaining({ name: 'RefusalError', code: 'INVALID_EVENT' });

describe.each([
  'type',
  'source',
  'id',
  'subject',
  'datacontenttype',
  'dataschema',
  'semanticintent',
  'semantictags',
  'semanticcorrelationid',
  'anyextension',
])('Text of %s', name => {
  it.each(['\0', '\n', '\r', '\t', '\u001f', '\u007f', '\u0085', '\u009f'])(
    'holds no control character %j',
    character => {
      expect(validating(name, `a${character}b`)).toThrow(refused);
    },
  );

  it.each(['\ud800', '\udc00', 'a\ud83d', '\ude00\ud83d'])('holds no lone surrogate %j', text => {
    expect(validating(name, text)).toThrow(refused);
  });

  it.each(['😀', 'é', ' ', '~', '\u00a0', '"\\'])('may hold %j', text => {
    expect(validating(name, text)).not.toThrow();
  });
});

describe('isEventId', () => {
  it.each(['e-1', 'x'.repeat(256), '😀'])('takes %j', id => {
    expect(isEventId(id)).toBe(true);
  });

  it.each(['', 'x'.repeat(257), 'a\nb', '\ud800', 1, null, undefined, {}])(
    'does not take %j',
    id => {
      expect(isEventId(id)).toBe(false);
    },
  );
});
