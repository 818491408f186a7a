import {
  DEFAULT_EVENT_LIMITS,
  isEventId,
  isUriReference,
  validateEvent,
} from '../../../lib/event/index.js';

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

const URIS = ['source', 'dataschema'];

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

  if (!URIS.includes(name))
    it.each(['😀', 'é', ' ', '~', '\u00a0', '"\\'])('may hold %j', text => {
      expect(validating(name, text)).not.toThrow();
    });
});

describe('source', () => {
  it.each([
    ...['s', '/app', '../up', '?q', '#f', '//host/x', 'a/b:c', 'user:alice', 'urn:user:a%20b'],
    ...['https://u@[::1]:80/p?q=/?#f', 'mailto:a@b.c', 'http://:80', '%41', "~!$&'()*+,;=@"],
  ])('may be the URI reference %j', source => {
    expect(validating('source', source)).not.toThrow();
  });

  it.each([
    ...['é', '😀', 'a b', '"', '\\', '^', '%', '%4', '%4g', '[x]', 'a#b#c', '1:x', ':x', 'urn:'],
    ...[
      'http://[::g]',
      'http://[v1.x]',
      'http://a:b',
      '//[::1',
      '//[@[::1]',
      '{id}',
      '|',
      '`',
      '<a>',
    ],
  ])('may not be %j, which is none', source => {
    expect(validating('source', source)).toThrow(refused);
  });

  it('of any length is looked at once', () => {
    for (const text of ['%41', 'a:', '//', '@', 'a@:', '[', '?', '/a'])
      for (const end of ['', ' ', '%', '#', ':'])
        try {
          validateEvent(event({ source: text.repeat(60_000 / text.length) + end }), {
            ...DEFAULT_EVENT_LIMITS,
            maxAttributeLength: 100_000,
          });
        } catch (error) {
          expect(error).toEqual(refused);
        }
  });
});

describe('isUriReference', () => {
  it.each(['\t', '\n', '\r'])('knows no address with %j in it, which URL leaves out', space => {
    expect(isUriReference('//[::1]')).toBe(true);
    expect(isUriReference(`//[::${space}1]`)).toBe(false);
  });
});

describe('dataschema', () => {
  it.each(['https://example.com/x.json', 'urn:x:y', 'a+b:c'])('may be the URI %j', schema => {
    expect(validating('dataschema', schema)).not.toThrow();
  });

  it.each(['x.json', '/x', '//host/x', '#x', 'é:x', 'http:', 'https://a b', 'http://[::g]'])(
    'may not be %j, which is none',
    schema => {
      expect(validating('dataschema', schema)).toThrow(refused);
    },
  );
});

describe.each(['traceparent', 'tracestate'])('%s', name => {
  it.each(['00-abc', 'anything'])('may be any text: %j', text => {
    expect(validating(name, text)).not.toThrow();
  });

  it.each([1, true, {}])('is refused as %j', value => {
    expect(() => {
      validateEvent(event({ [name]: value }));
    }).toThrow(refused);
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
