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
])('text of %s', name => {
  it.each(['\0', '\n', '\r', '\t', '\u001f', '\u007f', '\u0085', '\u009f'])(
    'rejects the control character %j',
    character => {
      expect(validating(name, `a${character}b`)).toThrow(refused);
    },
  );

  it.each(['\ud800', '\udc00', 'a\ud83d', '\ude00\ud83d'])(
    'rejects the lone surrogate %j',
    text => {
      expect(validating(name, text)).toThrow(refused);
    },
  );

  it.each(['\ufdd0', '\ufdef', '\uffff', '\ufffe', '\u{1ffff}', '\u{10fffe}'])(
    'rejects the noncharacter %j',
    character => {
      expect(validating(name, `a${character}b`)).toThrow(refused);
    },
  );

  if (![...URIS, 'datacontenttype'].includes(name))
    it.each(['😀', 'é', ' ', '~', '\u00a0', '"\\'])('accepts %j', text => {
      expect(validating(name, text)).not.toThrow();
    });
});

describe('source', () => {
  it.each([
    ...['s', '/app', '../up', '?q', '#f', '//host/x', 'a/b:c', 'user:alice', 'urn:user:a%20b'],
    ...['https://u@[::1]:80/p?q=/?#f', 'mailto:a@b.c', 'http://:80', '%41', "~!$&'()*+,;=@"],
  ])('accepts the URI reference %j', source => {
    expect(validating('source', source)).not.toThrow();
  });

  it.each([
    ...['é', '😀', 'a b', '"', '\\', '^', '%', '%4', '%4g', '[x]', 'a#b#c', '1:x', ':x', 'urn:'],
    ...[
      'http://[::g]',
      'http://[1:2]/',
      '//[::1::2]',
      'http://[v1.x]',
      'http://a:b',
      '//[::1',
      '//[@[::1]',
      '{id}',
      '|',
      '`',
      '<a>',
    ],
  ])('rejects %j, which is not a URI reference', source => {
    expect(validating('source', source)).toThrow(refused);
  });

  it('of any length is validated in linear time', () => {
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
  it.each(['\t', '\n', '\r'])('rejects an address with %j in it, which URL would drop', space => {
    expect(isUriReference('//[::1]')).toBe(true);
    expect(isUriReference(`//[::${space}1]`)).toBe(false);
  });
});

describe('dataschema', () => {
  it.each(['https://example.com/x.json', 'urn:x:y', 'a+b:c'])('accepts the URI %j', schema => {
    expect(validating('dataschema', schema)).not.toThrow();
  });

  it.each(['x.json', '/x', '//host/x', '#x', 'é:x', 'http:', 'https://a b', 'http://[::g]'])(
    'rejects %j, which is not a URI',
    schema => {
      expect(validating('dataschema', schema)).toThrow(refused);
    },
  );
});

describe('datacontenttype', () => {
  it.each([
    'application/json',
    'text/plain;charset=utf-8',
    'text/plain; charset="utf-8"; format=flowed',
    'application/vnd.api+json',
    'a/b;c="\\"d"',
  ])('accepts the media type %j', type => {
    expect(validating('datacontenttype', type)).not.toThrow();
  });

  it.each([
    ...['json', '/json', 'application/', 'a/b/c', 'a b/c', 'a/b;', 'a/b;c', 'a/b;c=', 'a/b;c="d'],
    ...[' a/b', 'a/b ', 'é/b', `a/${'b'.repeat(2_047)}`],
  ])('rejects %j, which is not a media type', type => {
    expect(validating('datacontenttype', type)).toThrow(refused);
  });

  it('of any length is validated in linear time', () => {
    for (const text of ['a', ';', 'a/', '; a=', '"', '\\', ';a="', ' '])
      expect(() => {
        validateEvent(event({ datacontenttype: `a/b${text.repeat(60_000 / text.length)} ` }), {
          ...DEFAULT_EVENT_LIMITS,
          maxAttributeLength: 100_000,
        });
      }).toThrow(refused);
  });
});

describe.each(['traceparent', 'tracestate'])('%s', name => {
  it.each(['00-abc', 'anything'])('accepts any text: %j', text => {
    expect(validating(name, text)).not.toThrow();
  });

  it.each([1, true, {}])('rejects %j', value => {
    expect(() => {
      validateEvent(event({ [name]: value }));
    }).toThrow(refused);
  });
});

describe('isEventId', () => {
  it.each(['e-1', 'x'.repeat(256), '😀'])('accepts %j', id => {
    expect(isEventId(id)).toBe(true);
  });

  it.each(['', 'x'.repeat(257), 'a\nb', '\ud800', 1, null, undefined, {}])('rejects %j', id => {
    expect(isEventId(id)).toBe(false);
  });
});
