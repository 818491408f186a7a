import { dataOf, encodeBytes, isMeantAsEvent } from '../../../lib/event/index.js';
import type { SemanticEvent } from '../../../lib/index.js';

const event = (members: Partial<SemanticEvent>): SemanticEvent => ({
  specversion: '1.0',
  type: 't',
  source: 's',
  id: '1',
  ...members,
});

describe('the data of an event', () => {
  it('is data, also if data_base64 is unset', () => {
    expect(dataOf(event({ data: { a: 1 } }))).toEqual({ a: 1 });
    expect(dataOf(event({ data: 'x', data_base64: null as never }))).toBe('x');
    expect(dataOf(event({}))).toBeUndefined();
  });

  it('is the bytes of data_base64, which share no memory with other data', () => {
    const data = dataOf(event({ data_base64: 'AP8B' })) as Uint8Array;
    expect([...data]).toEqual([0, 255, 1]);
    expect(data.buffer.byteLength).toBe(3);
  });

  it('moves to data_base64 only if it is bytes', () => {
    const binary = event({ data: new Uint8Array([9, 0, 255, 1, 9]).subarray(1, 4) });
    encodeBytes(binary);
    expect(binary).toStrictEqual(event({ data_base64: 'AP8B' }));
    const text = event({ data: 'AP8B' });
    encodeBytes(text);
    expect(text).toStrictEqual(event({ data: 'AP8B' }));
  });
});

describe('a payload', () => {
  it.each<[unknown, boolean]>([
    [{ specversion: '1.0' }, true],
    [{ specversion: undefined }, true],
    [{}, false],
    [{ type: 't' }, false],
    [null, false],
    [undefined, false],
    ['specversion', false],
    [1, false],
  ])('is meant as an event only if it has a specversion: %j', (value, isMeant) => {
    expect(isMeantAsEvent(value)).toBe(isMeant);
  });
});
