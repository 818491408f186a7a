import { ReceiveBatch } from '../../../../lib/transports/ws/receive-batch.js';
import { captureLog } from '../../../helpers/log-capture.js';

const nextTurn = () => new Promise<void>(resolve => setImmediate(resolve));

describe('end of a batch', () => {
  it('runs everything that waits for it, in order and once', async () => {
    const turn = new ReceiveBatch();
    const done: string[] = [];
    for (const name of ['a', 'b', 'c']) turn.wait({ endBatch: () => done.push(name) });
    expect(done).toEqual([]);
    await nextTurn();
    expect(done).toEqual(['a', 'b', 'c']);
    await nextTurn();
    expect(done).toEqual(['a', 'b', 'c']);
  });

  it('leaves what is added meanwhile to the next batch', async () => {
    const turn = new ReceiveBatch();
    const done: string[] = [];
    const second = { endBatch: () => done.push('second') };
    turn.wait({
      endBatch: () => {
        done.push('first');
        turn.wait(second);
      },
    });
    await nextTurn();
    expect(done).toEqual(['first']);
    await nextTurn();
    expect(done).toEqual(['first', 'second']);
  });

  it('runs the others and logs the error if one of them throws', async () => {
    const log = captureLog();
    const turn = new ReceiveBatch();
    const done: string[] = [];
    turn.wait({
      endBatch: () => {
        throw new Error('of a connection');
      },
    });
    turn.wait({ endBatch: () => done.push('other') });
    await nextTurn();
    expect(done).toEqual(['other']);
    expect(log.map(({ level }) => level)).toEqual(['error', 'debug']);
  });
});
