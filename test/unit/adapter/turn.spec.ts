import { jest } from '@jest/globals';
import { Turn } from '../../../lib/adapter/turn.js';

const nextTurn = () => new Promise<void>(resolve => setImmediate(resolve));

describe('the end of a turn', () => {
  it('has all that waits for it done, in its order, and each once', async () => {
    const turn = new Turn();
    const done: string[] = [];
    for (const name of ['a', 'b', 'c']) turn.wait({ endTurn: () => done.push(name) });
    expect(done).toEqual([]);
    await nextTurn();
    expect(done).toEqual(['a', 'b', 'c']);
    await nextTurn();
    expect(done).toEqual(['a', 'b', 'c']);
  });

  it('leaves to the next what is to wait by then', async () => {
    const turn = new Turn();
    const done: string[] = [];
    const second = { endTurn: () => done.push('second') };
    turn.wait({
      endTurn: () => {
        done.push('first');
        turn.wait(second);
      },
    });
    await nextTurn();
    expect(done).toEqual(['first']);
    await nextTurn();
    expect(done).toEqual(['first', 'second']);
  });

  it('has the others done although one of them throws', () => {
    jest.useFakeTimers({ doNotFake: ['nextTick'] });
    const turn = new Turn();
    const done: string[] = [];
    turn.wait({
      endTurn: () => {
        throw new Error('of a logger');
      },
    });
    turn.wait({ endTurn: () => done.push('other') });
    expect(() => {
      jest.runOnlyPendingTimers();
    }).toThrow('of a logger');
    jest.runOnlyPendingTimers();
    expect(done).toEqual(['other']);
    jest.useRealTimers();
  });
});
