import { jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { readLastWords } from '../../../lib/adapter/last-words.js';

const MAX = 1_000;

/** As much of a closed peer's two sockets as is looked at. */
const start = (writableNeedDrain: boolean) => {
  const tcp = Object.assign(new EventEmitter(), { bytesRead: 5_000, writableNeedDrain });
  const log: string[] = [];
  const note = (what: string) => () => void log.push(what);
  const socket = { pause: note('pause'), resume: note('resume'), terminate: note('terminate') };
  readLastWords(socket as unknown as WebSocket, tcp as unknown as Socket, MAX);
  const hear = (bytes: number) => {
    tcp.bytesRead += bytes;
    tcp.emit('data');
  };
  return { tcp, log, hear };
};

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('a peer that was closed for not reading', () => {
  it('is not read before it has taken what it was sent', () => {
    const { tcp, log } = start(true);
    expect(log).toEqual(['pause']);
    tcp.emit('drain');
    expect(log).toEqual(['pause', 'resume']);
  });

  it('is read at once where nothing waits for it', () => {
    expect(start(false).log).toEqual(['pause', 'resume']);
  });

  it('is read on as long as it says little', () => {
    const { log, hear } = start(false);
    hear(MAX - 1);
    jest.runAllTimers();
    expect(log).toEqual(['pause', 'resume']);
  });

  it('is not read beyond the bound, and is cut off a moment later', () => {
    const { tcp, log, hear } = start(false);
    hear(MAX - 1);
    hear(1);
    hear(MAX);
    expect(log).toEqual(['pause', 'resume', 'pause']);
    expect(tcp.listenerCount('data')).toBe(0);
    jest.advanceTimersByTime(999);
    expect(log).toHaveLength(3);
    jest.advanceTimersByTime(1);
    expect(log.slice(3)).toEqual(['terminate']);
  });
});
