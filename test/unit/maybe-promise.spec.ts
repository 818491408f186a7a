import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { jest } from '@jest/globals';
import { callEach, inTime, within } from '../../lib/maybe-promise.js';
import { pause } from '../helpers/eventually.js';

describe('callEach', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  beforeAll(() => process.on('unhandledRejection', note));
  afterAll(() => process.off('unhandledRejection', note));

  it('returns nothing if no call returns a promise', () => {
    const called: number[] = [];
    expect(callEach([1, 2], item => void called.push(item))).toBeUndefined();
    expect(called).toEqual([1, 2]);
  });

  it('waits for every promise', async () => {
    const ended: number[] = [];
    await callEach([2, 1], async item => {
      await pause(item);
      ended.push(item);
    });
    expect(ended.sort()).toEqual([1, 2]);
  });

  it('throws the error of a call at once, and leaves no earlier rejection unhandled', async () => {
    const called: string[] = [];
    const call = (item: string) => {
      called.push(item);
      if (item === 'throws') throw new Error(item);
      return Promise.reject(new Error(item));
    };
    expect(() => callEach(['rejects', 'throws', 'later'], call)).toThrow('throws');
    expect(called).toEqual(['rejects', 'throws']);
    await expect(callEach(['rejects', 'rejects too'], call)).rejects.toThrow('rejects');
    await pause(20);
    expect(unhandled).toEqual([]);
  });
});

describe('within', () => {
  it('waits until the promise settles, but not longer than the time', async () => {
    await within(10, new Promise(() => undefined));
    await within(60_000, Promise.resolve());
    await expect(within(60_000, Promise.reject(new Error('x')))).rejects.toThrow('x');
  });
});

describe('inTime', () => {
  it('throws after the time', async () => {
    await expect(inTime(new Promise(() => undefined), 10, 'late')).rejects.toThrow('late');
  });

  it('leaves no timer behind, whether the work succeeds or fails', async () => {
    jest.useFakeTimers();
    try {
      expect(await inTime(Promise.resolve('done'), 10, 'late')).toBe('done');
      await expect(inTime(Promise.reject(new Error('own')), 10, 'late')).rejects.toThrow('own');
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('accepts an answer that arrived while the process was busy past the time', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [peer] = (await once(server, 'connection')) as [Socket];
    const answer = inTime(once(client, 'data'), 20, 'late');
    peer.write('answer');
    for (const end = performance.now() + 60; performance.now() < end;);
    expect(String(await answer)).toBe('answer');
    client.destroy();
    server.close();
  });
});
