import { jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { SocketReading } from '../../../../lib/transports/ws/socket-reading.js';
import { CLOSE, frame } from '../../../helpers/raw-peer.js';

const OPEN = 1;
const CLOSING = 2;
const limits = { maxUnauthenticatedMessageSize: 1_000, maxBufferedBytes: 5_000 };

/** The parts of a client's two sockets that are used. */
const start = (writableNeedDrain = false) => {
  const log: string[] = [];
  const note = (what: string) => () => void log.push(what);
  const ends = { end: note('end') };
  const tcp = Object.assign(new EventEmitter(), { bytesRead: 5_000, writableNeedDrain, ...ends });
  const parser = { _loop: true, _buffers: [Buffer.alloc(1)], _write: note('parse') };
  const socket = {
    OPEN,
    readyState: CLOSING,
    _receiver: parser,
    pause: note('pause'),
    resume: note('resume'),
    terminate: note('terminate'),
  };
  const reading = new SocketReading(
    socket as unknown as WebSocket,
    tcp as unknown as Socket,
    limits,
  );
  const receive = (bytes: Buffer | number) => {
    const chunk = typeof bytes === 'number' ? frame(Buffer.alloc(bytes - 14)) : bytes;
    tcp.bytesRead += typeof bytes === 'number' ? bytes : chunk.length;
    tcp.emit('data', chunk);
  };
  return { log, parser, reading, receive, socket, tcp };
};

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('a socket that stopped reading', () => {
  it('ends the loop of its parser, and parses no further chunk', () => {
    const { log, parser, reading } = start();
    reading.stop();
    let isDone = false;
    const done = () => (isDone = true);
    (parser._write as unknown as (...args: unknown[]) => void)(Buffer.alloc(9), '', done);
    expect([parser._loop, parser._buffers, isDone]).toEqual([false, [], true]);
    expect(log).not.toContain('parse');
  });

  it.each(['drain', 'finish'])('does not read before the client has read: %s', event => {
    const { log, reading, tcp } = start(true);
    reading.stop();
    expect(log).toEqual(['pause']);
    tcp.emit(event);
    tcp.emit('drain');
    expect(log).toEqual(['pause', 'resume']);
  });

  it('reads at once if nothing is pending, and only once', () => {
    const { log, reading } = start();
    reading.stop();
    reading.stop();
    expect(log).toEqual(['pause', 'resume']);
  });

  it('continues to read while the client sends little', () => {
    const { log, reading, receive } = start();
    reading.stop();
    receive(999);
    jest.runAllTimers();
    expect(log).toEqual(['pause', 'resume']);
  });

  it.each([
    ['an unauthenticated', 1_000],
    ['an authenticated', 5_000],
  ])('pauses at the limit of %s client, and terminates it a moment later', (who, limit) => {
    const { log, reading, receive, tcp } = start();
    if (who === 'an authenticated') reading.liftLimits();
    reading.stop();
    const before = tcp.listenerCount('data');
    receive(limit - 14);
    expect(log).toEqual(['pause', 'resume']);
    receive(14);
    receive(limit);
    expect(log).toEqual(['pause', 'resume', 'pause']);
    expect(tcp.listenerCount('data')).toBe(before - 1);
    jest.advanceTimersByTime(999);
    expect(log).toHaveLength(3);
    jest.advanceTimersByTime(1);
    expect(log.slice(3)).toEqual(['terminate']);
  });
});

describe('the close frame of a client', () => {
  const closing = frame('', { opcode: CLOSE });

  it('ends the TCP connection once the server has closed, and only once', () => {
    const { log, reading, receive } = start();
    reading.stop();
    receive(closing);
    receive(closing);
    expect(log).toEqual(['pause', 'resume', 'end']);
  });

  it('ends nothing before the server has sent its own', () => {
    const { log, reading, receive, socket } = start();
    socket.readyState = OPEN;
    reading.stop();
    receive(closing);
    expect(log).not.toContain('end');
    socket.readyState = CLOSING;
    reading.endIfAnswered();
    expect(log).toContain('end');
  });

  it('is left to ws while ws reads', () => {
    const { log, reading, receive } = start();
    receive(closing);
    expect([log, reading.isAnswered]).toEqual([[], false]);
  });
});
