import { jest } from '@jest/globals';
import { ClientBench, settled } from '../helpers/client-bench.js';

describe('client listeners', () => {
  it('are called until they are removed', async () => {
    const bench = new ClientBench();
    const received: string[] = [];
    const remove = bench.client.on('state', ({ state }) => received.push(state));
    await bench.connected();
    remove();
    remove();
    bench.client.close();

    expect(received).toEqual(['connecting', 'connected']);
  });

  it('that throw do not affect other listeners or the process', async () => {
    const log = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    try {
      const bench = new ClientBench();
      const received: string[] = [];
      bench.client.on('state', () => {
        throw new Error('mine');
      });
      bench.client.on('state', () => Promise.reject(new Error('mine, too')));
      bench.client.on('state', ({ state }) => received.push(state));
      await bench.connected();
      await settled();

      expect(received).toEqual(['connecting', 'connected']);
      expect(log.mock.calls.flat()).toContainEqual(new Error('mine'));
      expect(log.mock.calls.flat()).toContainEqual(new Error('mine, too'));
      bench.client.close();
      await settled();
    } finally {
      log.mockRestore();
    }
  });

  it('may close, connect, send and subscribe', async () => {
    const bench = new ClientBench();
    bench.client.on('state', ({ state }) => {
      if (state === 'connected') bench.client.subscribe('a', () => undefined);
      if (state === 'waiting') void bench.client.connect();
    });
    const socket = await bench.connected();
    await socket.frame('subscribe');
    socket.drop();
    const next = await bench.connected(2);
    await next.frame('subscribe', 2);
    bench.client.on('error', () => {
      bench.client.close();
    });
    next.refuse('INTERNAL');
    await bench.state('closed');

    expect(bench.sockets).toHaveLength(2);
  });

  it('may close the client when the connection is lost', async () => {
    const bench = new ClientBench();
    bench.client.on('state', ({ state }) => {
      if (state === 'waiting') bench.client.close();
    });
    (await bench.connected()).drop();
    await bench.state('closed');
    await settled();

    expect(bench.clock.pending).toBe(0);
    expect(bench.codes).toEqual([]);
  });
});
