import { reply } from '../../../lib/signing/index.js';
import { contentOf, SemanticReply } from '../../../lib/signing/reply.js';
import { InvalidArgumentError } from '../../../lib/protocol/index.js';

const REQUEST = { specversion: '1.0', type: 'ui.click', source: 'app', id: '1' } as const;

describe('reply()', () => {
  it.each([
    'specversion',
    'id',
    'source',
    'time',
    'data_base64',
    'semanticnonce',
    'semanticsignature',
    'semanticcorrelationid',
  ])('rejects %s, which only the server sets', name => {
    expect(() => reply({ type: 'a', [name]: '1.0' })).toThrow(
      new InvalidArgumentError('reply()', `the server sets ${name}`),
    );
  });

  it.each([
    [{ type: '' }, /^reply\(\): type /],
    [{ type: 'a', Subject: 'x' }, /^reply\(\): .*Subject/],
    [{ type: 'a', extension: {} }, /^reply\(\): extension /],
  ])('rejects %j, which CloudEvents does not allow', (init, message) => {
    expect(() => reply(init)).toThrow(InvalidArgumentError);
    expect(() => reply(init)).toThrow(message);
  });

  it('takes an attribute that is undefined for one that is not given', () => {
    const init = { type: 'a', id: undefined, data_base64: undefined, datacontenttype: undefined };
    expect(SemanticReply.attributesOf(reply(init))).toEqual({});
    expect(Object.keys(SemanticReply.attributesOf(reply(init))!)).toEqual([]);
  });

  it('cannot be changed later', () => {
    expect(Object.isFrozen(reply({ type: 'a' }))).toBe(true);
  });

  it('is recognized as itself and as a copy that has its mark, and nothing else is', () => {
    const own = reply({ type: 'a', data: 1, subject: 's' });
    const copy = { event: 'a', data: 1, semanticReply: own.semanticReply };
    expect(SemanticReply.attributesOf(own)).toEqual({ subject: 's' });
    expect(SemanticReply.attributesOf(copy)).toEqual({ subject: 's' });
    for (const other of [
      undefined,
      null,
      'text',
      { event: 'a', data: 1 },
      { ...copy, semanticReply: Symbol('reply') },
      { ...copy, semanticReply: 'reply' },
      { ...copy, semanticReply: { subject: 's' } },
    ])
      expect(SemanticReply.attributesOf(other)).toBeUndefined();
  });

  it('decides type and data; any other value is the data of <type>.reply', () => {
    const [json, binary] = ['application/json', 'application/octet-stream'];
    expect(contentOf(REQUEST, reply({ type: 'own', data: 1 }))).toEqual({
      type: 'own',
      data: 1,
      datacontenttype: json,
    });
    expect(contentOf(REQUEST, { event: 'own', data: 1 })).toEqual({
      type: 'ui.click.reply',
      data: { event: 'own', data: 1 },
      datacontenttype: json,
    });
    expect(contentOf(REQUEST, Buffer.from('abc').subarray(1, 2))).toEqual({
      type: 'ui.click.reply',
      data_base64: 'Yg==',
      datacontenttype: binary,
    });
  });
});
