import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import type { WebSocket } from 'ws';
import { OWNER } from '../../../../lib/connection/connection-of.js';
import { guardedSocket } from '../../../../lib/transports/ws/guarded-socket.js';
import type { SocketOwner } from '../../../../lib/transports/ws/socket-owner.js';
import type { Json } from '../../../helpers/test-client.js';

const OPEN = 1;
const CLOSING = 2;

/** The part of a WebSocket that the guard uses. */
class FakeSocket extends EventEmitter {
  readonly OPEN = OPEN;
  readyState = OPEN;
  bufferedAmount = 0;
  extensions = '';
  readonly log: unknown[][] = [];

  send(...args: unknown[]): void {
    this.log.push(['send', ...args]);
  }

  close(...args: unknown[]): void {
    this.log.push(['close', ...args]);
    this.readyState = CLOSING;
  }
}

const guarded = (buffered = 0, maxBufferedBytes = 1_000): FakeSocket => {
  const limits = {
    maxBufferedBytes,
    maxUnauthenticatedMessageSize: 1_000,
    perMessageDeflate: false,
  } as const;
  const Guarded = guardedSocket(FakeSocket as unknown as typeof WebSocket, limits);
  const socket = new (Guarded as unknown as typeof FakeSocket)();
  socket.bufferedAmount = buffered;
  return socket;
};

describe('guarded send', () => {
  it.each([0, 999, 1_000])('accepts a message with %d of 1000 bytes pending', buffered => {
    const socket = guarded(buffered);
    socket.send('x');
    expect(socket.log).toEqual([['send', 'x']]);
  });

  it('closes the client as a slow consumer over the limit, once', () => {
    const socket = guarded(1_001);
    for (const text of ['a', 'b', 'c']) socket.send(text);
    expect(socket.log.filter(([what]) => what === 'close')).toEqual([
      ['close', 4508, 'SLOW_CONSUMER'],
    ]);
    expect(socket.log[0]).toEqual(['close', 4508, 'SLOW_CONSUMER']);
  });

  it('passes options and callback on unchanged', () => {
    const socket = guarded();
    const callback = () => undefined;
    socket.send('x', { binary: false }, callback);
    expect(socket.log).toEqual([['send', 'x', { binary: false }, callback]]);
  });

  it('does not close a closing socket again, and does not copy the data', () => {
    const socket = guarded(5_000);
    const callback = () => undefined;
    socket.readyState = CLOSING;
    socket.send('x'.repeat(65_536), callback);
    expect(socket.log).toEqual([['send', '', callback]]);
  });

  it('does not send the message that exceeds the limit', () => {
    const socket = guarded(1_001);
    socket.send('x');
    expect(socket.log).toEqual([
      ['close', 4508, 'SLOW_CONSUMER'],
      ['send', ''],
    ]);
  });
});

describe('guarded close', () => {
  it('sends an error frame first if a message is too large', () => {
    const socket = guarded();
    socket.close(1009);
    const [[, text], close] = socket.log as [[string, string], unknown[]];
    expect(JSON.parse(text) as Json).toMatchObject({ code: 'MESSAGE_TOO_LARGE', status: 413 });
    expect(close).toEqual(['close', 1009, 'MESSAGE_TOO_LARGE']);
    expect(socket.log).toHaveLength(2);
  });

  it('sends no error frame if the server has already sent one', () => {
    const socket = guarded();
    socket.close(1009, 'MESSAGE_TOO_LARGE');
    expect(socket.log).toEqual([['close', 1009, 'MESSAGE_TOO_LARGE']]);
  });

  it.each([1000, 1002, 1003, 1007, 1008, undefined])('with %p is unchanged', code => {
    const socket = guarded();
    socket.close(code);
    expect(socket.log).toEqual([['close', code, undefined]]);
  });

  it('sends no error frame for a large message if the socket is closing', () => {
    const socket = guarded();
    socket.readyState = CLOSING;
    socket.close(1009);
    expect(socket.log).toEqual([['close', 1009, undefined]]);
  });

  it('closes once if a message is too large and the client is slow, too', () => {
    const socket = guarded(5_000);
    socket.close(1009);
    expect(socket.log.filter(([what]) => what === 'close')[0]?.[1]).toBe(4508);
  });
});

describe('owner of a socket', () => {
  const owned = () => {
    const calls: unknown[] = [];
    const owner: SocketOwner = {
      received: (...args) => calls.push(['received', ...args]),
      pinged: data => calls.push(['pinged', data]),
      ponged: () => calls.push(['ponged']),
      closing: code => calls.push(['closing', code]),
      closed: reason => calls.push(['closed', reason]),
    };
    const socket = guarded(1_001) as FakeSocket & { [OWNER]?: SocketOwner };
    socket[OWNER] = owner;
    return { socket, owner, calls };
  };

  it('receives events before other listeners', () => {
    const { socket, calls } = owned();
    for (const event of ['message', 'ping', 'pong', 'close'])
      socket.on(event, () => calls.push(`listener ${event}`));
    const data = Buffer.from('x');
    socket.emit('message', data, false);
    socket.emit('ping', data);
    socket.emit('pong', data);
    socket.send('x');
    socket.emit('close', 1006);
    expect(calls).toEqual([
      ['received', data, false],
      'listener message',
      ['pinged', data],
      'listener ping',
      ['ponged'],
      'listener pong',
      ['closing', 'SLOW_CONSUMER'],
      ['closed', 1006],
      'listener close',
    ]);
  });

  it.each([
    [1002, [['closing', 'BAD_FRAME']]],
    [1007, [['closing', 'BAD_FRAME']]],
    [1008, [['closing', 'BAD_FRAME']]],
    [1000, []],
  ])('learns from an error after a close of ws with %d: %j', (code, reported) => {
    const { socket, calls } = owned();
    socket.close(code);
    socket.emit('error', new RangeError('invalid'));
    expect(calls).toEqual(reported);
  });

  it('is not shown when the socket is logged', () => {
    const { socket, owner } = owned();
    Object.assign(owner, { secret: 'hunter2' });
    expect(inspect(socket, { depth: null })).not.toContain('hunter2');
  });

  it('and others may ignore client errors; listeners receive them', () => {
    const { socket } = owned();
    const error = new Error('1002');
    expect(socket.emit('error', error)).toBe(false);
    const errors: unknown[] = [];
    socket.on('error', thrown => errors.push(thrown));
    socket.emit('error', error);
    expect(errors).toEqual([error]);
  });
});
