import { jest } from '@jest/globals';
import { HistoryTurns } from '../../../lib/mesh/history-turns.js';
import { FakeClock } from '../../helpers/fake-clock.js';

describe('HistoryTurns', () => {
  let clock: FakeClock;
  let turns: HistoryTurns;
  let served: string[];

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    clock = new FakeClock();
    turns = new HistoryTurns(clock);
    served = [];
  });
  afterEach(() => jest.useRealTimers());

  const wait = (user: string, name = user) => void turns.next(user).then(() => served.push(name));
  const pass = async (time: number) => {
    clock.advance(time);
    await jest.advanceTimersByTimeAsync(time);
    // Each turn of the event loop schedules the next one.
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  };

  it('serve users in turn, and the reads of one user in order', async () => {
    for (const read of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) wait(read.charAt(0), read);
    expect(served).toEqual([]);
    await pass(0);
    expect(served).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('serve one read in each turn of the event loop', async () => {
    for (const user of ['a', 'b']) wait(user);
    await new Promise(setImmediate);
    expect(served).toEqual(['a']);
    await pass(0);
    expect(served).toEqual(['a', 'b']);
  });

  it('let a user wait after 200,000 entries, 50,000 for each second, and nobody else', async () => {
    turns.charge('a', 200_000);
    wait('a', 'within the burst');
    await pass(0);
    expect(served).toEqual(['within the burst']);
    turns.charge('a', 50_000);
    wait('a');
    wait('b');
    await pass(999);
    expect(served).toEqual(['within the burst', 'b']);
    await pass(1);
    expect(served).toEqual(['within the burst', 'b', 'a']);
  });

  it('count a read for at least 32 entries', async () => {
    for (let read = 0; read < 6_250; read++) turns.charge('a', 0);
    wait('a', 'within the burst');
    await pass(0);
    expect(served).toEqual(['within the burst']);
    for (let read = 0; read < 1_563; read++) turns.charge('a', 1);
    wait('a');
    await pass(1_000);
    expect(served).toHaveLength(1);
    await pass(1);
    expect(served).toHaveLength(2);
  });

  it('forget what was paid off, so that a user has the full burst again', async () => {
    turns.charge('a', 200_000);
    await pass(4_000);
    turns.charge('b', 1);
    turns.charge('a', 200_000);
    wait('a');
    await pass(0);
    expect(served).toEqual(['a']);
  });

  it('remember the cost of 10,000 users, those that read last', async () => {
    turns.charge('first', 1_000_000);
    turns.charge('second', 1_000_000);
    for (let user = 0; user < 9_999; user++) turns.charge(`user-${user}`, 1_000_000);
    for (const user of ['first', 'second', 'user-0']) wait(user);
    await pass(0);
    expect(served).toEqual(['first']);
  });

  it('set no timer without waiting reads', async () => {
    wait('a');
    await pass(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('wait by one timer for a user who reads too much, not by turns of the event loop', async () => {
    turns.charge('a', 250_000);
    wait('a');
    await pass(0);
    expect([served, jest.getTimerCount()]).toEqual([[], 1]);
    await pass(1_000);
    expect(served).toEqual(['a']);
  });
});
