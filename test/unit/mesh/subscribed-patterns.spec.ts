import { PUBLIC } from '../../../lib/mesh/index.js';
import { SubscribedPatterns } from '../../../lib/mesh/subscribed-patterns.js';

const at = (time: number) => `abcdef.${time}-0`;
const entry = (type: string, time: number, channel = PUBLIC) => ({
  cursor: at(time),
  channel,
  type,
  text: '{}',
});

describe('the patterns of a client', () => {
  it('allow public events of their types since the right to one of them, and no earlier ones', () => {
    const patterns = new SubscribedPatterns();
    patterns.add('a.*', at(5));
    patterns.add('a.x', at(8));
    const times = (type: string) =>
      [4, 5, 6, 8, 9].filter(time => patterns.allow(entry(type, time), undefined));
    expect(times('a.y')).toEqual([6, 8, 9]);
    expect(times('a.x')).toEqual([6, 8, 9]);
    expect(times('b')).toEqual([]);
    const among = (pattern: string) =>
      [6, 9].filter(time => patterns.allow(entry('a.x', time), undefined, [pattern]));
    expect([among('a.*'), among('a.x'), among('other')]).toEqual([[6, 9], [9], []]);
  });

  it('without a right allow no public events, but those of channels of the client', () => {
    const patterns = new SubscribedPatterns();
    patterns.add('a', undefined);
    expect(patterns.allow(entry('a', 9), undefined)).toBe(false);
    expect(patterns.allow(entry('a', 9), at(1))).toBe(false);
    const own = (time: number, since?: string) => patterns.allow(entry('a', time, 'u:x'), since);
    expect([own(9, at(5)), own(5, at(5)), own(9)]).toEqual([true, false, false]);
    expect(patterns.allow(entry('b', 9, 'u:x'), at(5))).toBe(false);
    expect(patterns.matches('a') && !patterns.matches('b')).toBe(true);
  });

  it('keep their right if they are added again without one, and lose it when they are deleted', () => {
    const patterns = new SubscribedPatterns();
    patterns.add('a', at(5));
    patterns.add('a', undefined);
    patterns.add('b', undefined);
    expect([patterns.since('a'), patterns.since('b')]).toEqual([at(5), undefined]);
    expect([...patterns.granted()]).toEqual([['a', at(5)]]);
    patterns.add('a', at(7));
    expect(patterns.since('a')).toBe(at(7));
    expect([patterns.delete('a'), patterns.delete('b'), patterns.delete('c')]).toEqual([
      true,
      false,
      false,
    ]);
    expect([patterns.size, patterns.matches('a')]).toEqual([0, false]);
    patterns.add('a', undefined);
    expect(patterns.allow(entry('a', 9), undefined)).toBe(false);
  });

  it('are counted once, together with those that a client adds', () => {
    const patterns = new SubscribedPatterns();
    for (const pattern of ['a', 'b', 'a']) patterns.add(pattern, undefined);
    expect([patterns.size, patterns.all()]).toEqual([2, ['a', 'b']]);
    expect([patterns.countWith([]), patterns.countWith(['b', 'c', 'd'])]).toEqual([2, 4]);
  });

  it('need bounded memory, however many types events have', () => {
    const patterns = new SubscribedPatterns();
    patterns.add('**', at(0));
    for (let n = 0; n < 1_000; n++) {
      expect(patterns.matches(`t${n}`)).toBe(true);
      expect(patterns['matching'].size).toBeLessThanOrEqual(64);
    }
    patterns.matches('t999');
    expect(patterns['matching'].size).toBeGreaterThan(1);
  });
});
