import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import type { WebSocket } from 'ws';
import { guardedSocket, OWNER, type SocketOwner } from '../../../lib/adapter/guarded-socket.js';
import type { Json } from '../../helpers/test-client.js';

const OPEN = 1;
const CLOSING = 2;

/** As much of a WebSocket as the guard looks at. */
class FakeSocket extends EventEmitter {
  readonly OPEN = OPEN;
  readyState = OPEN;
  bufferedAmount = 0;
  readonly log: unknown[][] = [];

  send(...args: unknown[]): void {
    this.log.push(['send', ...args]);
  }

  close(...args: unknown[]): void {
    this.log.push(['close', ...args]);
    this.readyState = CLOSING;
  }
}

const guarded = (buffered = 0, max = 1_000): FakeSocket => {
  const Guarded = guardedSocket(FakeSocket as unknown as typeof WebSocket, max);
  const socket = new (Guarded as unknown as typeof FakeSocket)();
  socket.bufferedAmount = buffered;
  return socket;
};

describe('a queue of messages', () => {
  it.each([0, 999, 1_000])('takes more with %d of 1000 bytes waiting', buffered => {
    const socket = guarded(buffered);
    socket.send('x');
    expect(socket.log).toEqual([['send', 'x']]);
  });

  it('over its bound closes the peer as a slow consumer, once', () => {
    const socket = guarded(1_001);
    for (const text of ['a', 'b', 'c']) socket.send(text);
    expect(socket.log.filter(([what]) => what === 'close')).toEqual([
      ['close', 4508, 'SLOW_CONSUMER'],
    ]);
    expect(socket.log[0]).toEqual(['close', 4508, 'SLOW_CONSUMER']);
  });

  it('hands options and callback on as they are', () => {
    const socket = guarded();
    const callback = () => undefined;
    socket.send('x', { binary: false }, callback);
    expect(socket.log).toEqual([['send', 'x', { binary: false }, callback]]);
  });

  it('of a socket that is closing is not closed again, and takes no copy of what is sent', () => {
    const socket = guarded(5_000);
    const told = () => undefined;
    socket.readyState = CLOSING;
    socket.send('x'.repeat(65_536), told);
    expect(socket.log).toEqual([['send', '', told]]);
  });

  it('takes nothing of the message that closes it', () => {
    const socket = guarded(1_001);
    socket.send('x');
    expect(socket.log).toEqual([
      ['close', 4508, 'SLOW_CONSUMER'],
      ['send', ''],
    ]);
  });
});

describe('closing', () => {
  it('over a message that is too large is told by an error frame first', () => {
    const socket = guarded();
    socket.close(1009);
    const [[, text], close] = socket.log as [[string, string], unknown[]];
    expect(JSON.parse(text) as Json).toMatchObject({ code: 'MESSAGE_TOO_LARGE', status: 413 });
    expect(close).toEqual(['close', 1009, 'MESSAGE_TOO_LARGE']);
    expect(socket.log).toHaveLength(2);
  });

  it('by ourselves, who have told already, says nothing more', () => {
    const socket = guarded();
    socket.close(1009, 'MESSAGE_TOO_LARGE');
    expect(socket.log).toEqual([['close', 1009, 'MESSAGE_TOO_LARGE']]);
  });

  it.each([1000, 1002, 1003, 1007, 1008, undefined])('with %p is left as it is', code => {
    const socket = guarded();
    socket.close(code);
    expect(socket.log).toEqual([['close', code, undefined]]);
  });

  it('over a message that is too large says nothing where the socket is closing', () => {
    const socket = guarded();
    socket.readyState = CLOSING;
    socket.close(1009);
    expect(socket.log).toEqual([['close', 1009, undefined]]);
  });

  it('over a message that is too large ends once where the peer is slow, too', () => {
    const socket = guarded(5_000);
    socket.close(1009);
    expect(socket.log.filter(([what]) => what === 'close')[0]?.[1]).toBe(4508);
  });
});

describe('the owner of a socket', () => {
  const owned = () => {
    const told: unknown[] = [];
    const owner: SocketOwner = {
      received: (...args) => told.push(['received', ...args]),
      pinged: data => told.push(['pinged', data]),
      ponged: () => told.push(['ponged']),
      closing: code => told.push(['closing', code]),
      closed: reason => told.push(['closed', reason]),
    };
    const socket = guarded(1_001) as FakeSocket & { [OWNER]?: SocketOwner };
    socket[OWNER] = owner;
    return { socket, owner, told };
  };

  it('is told what happens to it before those who listen', () => {
    const { socket, told } = owned();
    for (const event of ['message', 'ping', 'pong', 'close'])
      socket.on(event, () => told.push(`heard ${event}`));
    const data = Buffer.from('x');
    socket.emit('message', data, false);
    socket.emit('ping', data);
    socket.emit('pong', data);
    socket.send('x');
    socket.emit('close', 1006);
    expect(told).toEqual([
      ['received', data, false],
      'heard message',
      ['pinged', data],
      'heard ping',
      ['ponged'],
      'heard pong',
      ['closing', 'SLOW_CONSUMER'],
      ['closed', 1006],
      'heard close',
    ]);
  });

  it('is not shown to whoever logs the socket', () => {
    const { socket, owner } = owned();
    Object.assign(owner, { secret: 'hunter2' });
    expect(inspect(socket, { depth: null })).not.toContain('hunter2');
  });

  it('and all others may leave errors of the peer alone; who listens is told', () => {
    const { socket } = owned();
    const error = new Error('1002');
    expect(socket.emit('error', error)).toBe(false);
    const heard: unknown[] = [];
    socket.on('error', thrown => heard.push(thrown));
    socket.emit('error', error);
    expect(heard).toEqual([error]);
  });
});
