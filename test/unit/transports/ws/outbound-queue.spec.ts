import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { OutboundQueue } from '../../../../lib/transports/ws/outbound-queue.js';

/** Creates a client and records its writes. */
const start = () => {
  const batch = new OutboundQueue();
  const writes: string[] = [];
  const socket = new Writable({
    decodeStrings: false,
    write: (chunk: string, _, done) => {
      writes.push(chunk);
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  }) as Socket;
  let turn: number | undefined;
  const send = (text: string) => {
    turn = batch.corkAfterFirst(socket, turn);
    socket.write(text);
  };
  const answer = (text: string) => {
    batch.cork(socket);
    socket.write(text);
  };
  return { writes, send, answer };
};

describe('replies of one batch', () => {
  it('leave in one write at its end', async () => {
    const { writes, answer } = start();
    for (const text of ['a', 'b']) answer(text);
    expect(writes).toEqual([]);
    await setImmediate();
    answer('c');
    await setImmediate();
    expect(writes).toEqual(['ab', 'c']);
  });

  it('are not overtaken by broadcasts', async () => {
    const { writes, answer, send } = start();
    answer('a');
    send('b');
    answer('c');
    await setImmediate();
    expect(writes).toEqual(['abc']);
  });
});

describe('broadcast frames of one batch', () => {
  it('leave in two writes: the first at once, all others at its end, in order', async () => {
    const { writes, send } = start();
    for (const text of ['a', 'b', 'c', 'd']) send(text);
    expect(writes).toEqual(['a']);
    await setImmediate();
    expect(writes).toEqual(['a', 'bcd']);
  });

  it('leave before the first of the next batch', async () => {
    const { writes, send } = start();
    for (let turn = 0; turn < 3; turn++) {
      for (const text of ['a', 'b', 'c']) send(`${text}${turn}`);
      await setImmediate();
    }
    expect(writes).toEqual(['a0', 'b0c0', 'a1', 'b1c1', 'a2', 'b2c2']);
  });

  it('do not wait if there are too many', () => {
    const { writes, send } = start();
    const long = 'x'.repeat(32_768);
    for (let sent = 0; sent < 6; sent++) send(long);
    expect(writes.length).toBeGreaterThan(1);
  });

  it('of one client do not wait for those of another', () => {
    const [one, other] = [start(), start()];
    one.send('a');
    other.send('b');
    expect([one.writes, other.writes]).toEqual([['a'], ['b']]);
  });
});
