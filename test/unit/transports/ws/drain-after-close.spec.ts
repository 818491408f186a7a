import { jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { drainAfterClose } from '../../../../lib/transports/ws/drain-after-close.js';

const MAX = 1_000;

/** The parts of a closed client's two sockets that are used. */
const start = (writableNeedDrain: boolean) => {
  const tcp = Object.assign(new EventEmitter(), { bytesRead: 5_000, writableNeedDrain });
  const log: string[] = [];
  const note = (what: string) => () => void log.push(what);
  const socket = { pause: note('pause'), resume: note('resume'), terminate: note('terminate') };
  drainAfterClose(socket as unknown as WebSocket, tcp as unknown as Socket, MAX);
  const receive = (bytes: number) => {
    tcp.bytesRead += bytes;
    tcp.emit('data');
  };
  return { tcp, log, receive };
};

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('drainAfterClose', () => {
  it('does not read before the client has read what it was sent', () => {
    const { tcp, log } = start(true);
    expect(log).toEqual(['pause']);
    tcp.emit('drain');
    expect(log).toEqual(['pause', 'resume']);
  });

  it('reads at once if nothing is pending', () => {
    expect(start(false).log).toEqual(['pause', 'resume']);
  });

  it('continues to read while the client sends little', () => {
    const { log, receive } = start(false);
    receive(MAX - 1);
    jest.runAllTimers();
    expect(log).toEqual(['pause', 'resume']);
  });

  it('stops reading at the limit, and terminates the connection a moment later', () => {
    const { tcp, log, receive } = start(false);
    receive(MAX - 1);
    receive(1);
    receive(MAX);
    expect(log).toEqual(['pause', 'resume', 'pause']);
    expect(tcp.listenerCount('data')).toBe(0);
    jest.advanceTimersByTime(999);
    expect(log).toHaveLength(3);
    jest.advanceTimersByTime(1);
    expect(log.slice(3)).toEqual(['terminate']);
  });
});
