import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { limitUnfinished } from '../../../lib/adapter/unfinished-message.js';

const MAX = 8_192;
/** Of all the fragments a message may have. */
const HEADERS = 8_192;

/** Chunks as a socket delivers them, each with the frames that ws found to be whole with it. */
const start = () => {
  const [socket, tcp] = [new EventEmitter(), new EventEmitter()];
  let refused = 0;
  const stop = limitUnfinished(
    socket as unknown as WebSocket,
    tcp as unknown as Socket,
    MAX,
    () => refused++,
  );
  const chunk = (length: number, whole: [event: string, payload: number][] = []) => {
    for (const [event, payload] of whole) socket.emit(event, { length: payload });
    tcp.emit('data', { length });
  };
  const listeners = () => [socket, tcp].flatMap(emitter => emitter.eventNames());
  return { chunk, stop, listeners, refused: () => refused };
};

describe('a message that is not finished', () => {
  it.each([1, 7, 1_000, 65_536])(
    'is refused once it is over the limit, in chunks of %d',
    length => {
      const { chunk, refused } = start();
      for (let sent = 0; sent + length <= MAX + HEADERS; sent += length) chunk(length);
      expect(refused()).toBe(0);
      chunk(length);
      expect(refused()).toBe(1);
    },
  );

  it('is refused once only', () => {
    const { chunk, refused, listeners } = start();
    for (let sent = 0; sent < 10; sent++) chunk(65_536);
    expect(refused()).toBe(1);
    expect(listeners()).toEqual([]);
  });

  it.each(['ping', 'pong'])('is not hidden by a %s in between', event => {
    const { chunk, refused } = start();
    for (let sent = 0; sent < 16; sent++) chunk(1_000 + 131, [[event, 125]]);
    expect(refused()).toBe(0);
    chunk(1_000 + 131, [[event, 125]]);
    expect(refused()).toBe(1);
  });

  it('is not hidden by one before it', () => {
    const { chunk, refused } = start();
    chunk(16_384, [['message', 10]]);
    chunk(16);
    expect(refused()).toBe(0);
    chunk(1);
    expect(refused()).toBe(1);
  });
});

describe('messages that are finished', () => {
  it('never add up, however they are cut', () => {
    const { chunk, refused } = start();
    for (let sent = 0; sent < 1_000; sent++) {
      // A message of 8 KiB in 1,024 fragments.
      for (let part = 0; part < 16; part++) chunk(1_023);
      chunk(16, [['message', MAX]]);
    }
    expect(refused()).toBe(0);
  });

  it('may be as many in a chunk as there is room for', () => {
    const { chunk, refused } = start();
    for (let sent = 0; sent < 100; sent++)
      chunk(
        65_536,
        Array.from({ length: 4_096 }, () => ['message', 10] as [string, number]),
      );
    expect(refused()).toBe(0);
  });

  it.each(['ping', 'pong'])('%ss neither', event => {
    const { chunk, refused } = start();
    for (let sent = 0; sent < 10_000; sent++) chunk(131, [[event, 125]]);
    expect(refused()).toBe(0);
  });
});

describe('the end of the watch', () => {
  it('leaves no listener behind', () => {
    const { chunk, stop, refused, listeners } = start();
    stop();
    expect(listeners()).toEqual([]);
    chunk(1e6);
    expect(refused()).toBe(0);
  });
});
