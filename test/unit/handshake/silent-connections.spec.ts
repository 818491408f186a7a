import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { SilentConnections } from '../../../lib/handshake/silent-connections.js';

let port = 1_000;

/** The part of a TCP connection that is used. */
class FakeConnection extends EventEmitter {
  destroyed = false;
  bytesWritten = 0;

  constructor(
    readonly remoteAddress: string | undefined,
    readonly remotePort: number | undefined = port++,
  ) {
    super();
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }
}

const start = (total = 100, perAddress = 3) => {
  const silent = new SilentConnections({ total, perAddress });
  const add = (address: string | undefined, now = 0) => {
    const connection = new FakeConnection(address);
    silent.add(connection.asSocket, now);
    return connection;
  };
  return { silent, add };
};
const dropped = (connections: FakeConnection[]) => connections.map(({ destroyed }) => destroyed);

describe('connections that send no request', () => {
  it('do not exceed the limit for one address: the oldest is dropped', () => {
    const { silent, add } = start();
    const connections = Array.from({ length: 5 }, () => add('10.0.0.1'));
    expect(dropped(connections)).toEqual([true, true, false, false, false]);
    expect(silent.size).toBe(3);
  });

  it.each([
    ['an IPv6 /64', '2001:db8::1', '2001:db8::ffff:2', true],
    ['two of them', '2001:db8::1', '2001:db8:0:1::1', false],
    ['an address and its IPv4-mapped form', '10.0.0.1', '::ffff:10.0.0.1', true],
    ['two addresses', '10.0.0.1', '10.0.0.2', false],
  ])('are counted by address: %s', (_, first, second, isOne) => {
    const { add } = start();
    const oldest = add(first);
    for (let more = 0; more < 3; more++) add(second);
    expect(oldest.destroyed).toBe(isOne);
  });

  it('do not exceed four times the limit for one IPv6 /56: the oldest is dropped', () => {
    const { silent, add } = start();
    const of56 = (n: number) => `2001:db8:0:1${n.toString(16).padStart(2, '0')}::1`;
    const connections = Array.from({ length: 13 }, (_, n) => add(of56(n)));
    expect(dropped(connections)).toEqual([true, ...Array<boolean>(12).fill(false)]);
    expect(add('2001:db8:0:200::1').destroyed).toBe(false);
    for (const { asSocket } of connections) silent.untrack(asSocket);
    expect(silent.size).toBe(1);
  });

  it('do not exceed the limit in total: the oldest are dropped', () => {
    const { silent, add } = start(10);
    const connections = Array.from({ length: 14 }, (_, at) => add(`10.0.0.${at}`));
    expect(dropped(connections).indexOf(false)).toBe(4);
    expect(silent.size).toBe(10);
  });

  it('are dropped after their timeout', () => {
    const { silent, add } = start();
    const connections = [add('10.0.0.1', 100), add('10.0.0.1', 200), add('10.0.0.2', 300)];
    silent.dropSince(200);
    expect(dropped(connections)).toEqual([true, true, false]);
    expect(silent.size).toBe(1);
  });
});

describe('a connection that sends a request', () => {
  it('is no longer counted or dropped', () => {
    const { silent, add } = start();
    const served = Array.from({ length: 50 }, () => {
      const connection = add('10.0.0.1');
      silent.untrack(connection.asSocket);
      return connection;
    });
    silent.dropSince(Infinity);
    expect(dropped(served)).not.toContain(true);
    expect(silent.size).toBe(0);
  });

  it('over TLS is the same as its TCP connection', () => {
    const { silent, add } = start();
    const beneath = add('10.0.0.1');
    const within = new FakeConnection('10.0.0.1', beneath.remotePort);
    silent.untrack(within.asSocket);
    silent.dropSince(Infinity);
    expect(beneath.destroyed).toBe(false);
  });
});

describe('a connection that has closed', () => {
  it('is no longer counted', () => {
    const { silent, add } = start();
    const kept = add('10.0.0.1');
    for (let round = 0; round < 50; round++) add('10.0.0.1').emit('close');
    expect(kept.destroyed).toBe(false);
    expect(silent.size).toBe(1);
  });

  it('does not affect a later one from the same port', () => {
    const { silent, add } = start();
    const first = add('10.0.0.1');
    const second = new FakeConnection('10.0.0.1', first.remotePort);
    silent.add(second.asSocket, 0);
    first.emit('close');
    expect(silent.size).toBe(1);
    silent.dropSince(Infinity);
    expect(second.destroyed).toBe(true);
  });

  it('does not count if it closed early or came over a Unix socket', () => {
    const { silent, add } = start();
    const connection = add(undefined);
    silent.untrack(connection.asSocket);
    silent.dropSince(Infinity);
    expect(connection.destroyed).toBe(false);
  });
});

describe('a connection with running HTTP requests', () => {
  const requestOn = (connection: FakeConnection, complete = true) =>
    ({ socket: connection, complete }) as unknown as IncomingMessage;

  it('is not silent until all of them are answered', () => {
    const { silent, add } = start();
    const connection = add('10.0.0.1');
    const first = silent.handling(requestOn(connection))!;
    const second = silent.handling(requestOn(connection))!;
    first();
    expect(silent.size).toBe(0);
    second();
    expect(silent.size).toBe(1);
  });

  it('has no deadline after its answer, because the HTTP server has one, but is among the first to be dropped', () => {
    const { silent, add } = start(100, 1);
    const connection = add('10.0.0.1');
    silent.handling(requestOn(connection))!();
    silent.dropSince(Number.MAX_VALUE);
    expect(connection.destroyed).toBe(false);
    const later = add('10.0.0.1');
    expect(dropped([connection, later])).toEqual([true, false]);
  });

  it('is not followed if it is unknown, or after it was untracked or closed', () => {
    const { silent, add } = start();
    expect(silent.handling(requestOn(new FakeConnection('10.0.0.1')))).toBeUndefined();
    expect(silent.handling(requestOn(new FakeConnection(undefined)))).toBeUndefined();
    for (const end of [
      (one: FakeConnection) => {
        silent.untrack(one.asSocket);
      },
      (one: FakeConnection) => one.emit('close'),
    ]) {
      const connection = add('10.0.0.1');
      const answered = silent.handling(requestOn(connection))!;
      end(connection);
      answered();
      expect(silent.size).toBe(0);
    }
  });

  it('ends at shutdown unless one of its requests has arrived completely', () => {
    const { silent, add } = start();
    const [idle, sending, served, both] = [1, 2, 3, 4].map(at => add(`10.0.0.${at}`)) as [
      FakeConnection,
      FakeConnection,
      FakeConnection,
      FakeConnection,
    ];
    silent.handling(requestOn(sending, false));
    silent.handling(requestOn(served));
    silent.handling(requestOn(both, false));
    silent.handling(requestOn(both));
    silent.dropUnfinished();
    expect(dropped([idle, sending, served, both])).toEqual([true, true, false, false]);
  });
});

describe('a connection with an upgrade for another listener', () => {
  const waiting = (bytesWritten: number, deadline: number) => {
    const { silent, add } = start();
    const connection = add('10.0.0.1', 100);
    silent.handling({ socket: connection, complete: true } as unknown as IncomingMessage)!();
    silent.awaitUpgrade(connection.asSocket, 200);
    connection.bytesWritten = bytesWritten;
    silent.dropSince(deadline);
    return connection.destroyed;
  };

  it('is dropped at its deadline if that listener has not answered', () => {
    expect([waiting(0, 199), waiting(0, 200)]).toEqual([false, true]);
  });

  it('belongs to that listener once it has answered', () => {
    expect(waiting(1, 1_000)).toBe(false);
  });

  it('gets no later deadline by an upgrade, and is silent once', () => {
    const { silent, add } = start();
    const connection = add('10.0.0.1', 100);
    silent.awaitUpgrade(connection.asSocket, 200);
    silent.awaitUpgrade(connection.asSocket, 300);
    expect(silent.size).toBe(1);
    silent.dropSince(100);
    expect(connection.destroyed).toBe(true);
    expect(silent.size).toBe(0);
    silent.awaitUpgrade(new FakeConnection('10.0.0.9').asSocket, 0);
    expect(silent.size).toBe(0);
  });

  it('counts bytes that answered earlier requests not as its answer', () => {
    const { silent, add } = start();
    const connection = add('10.0.0.1');
    const request = { socket: connection, complete: true } as unknown as IncomingMessage;
    const answered = silent.handling(request)!;
    connection.bytesWritten = 50;
    answered();
    silent.awaitUpgrade(connection.asSocket, 0);
    silent.dropSince(0);
    expect(connection.destroyed).toBe(true);
  });
});

it('leaves no listener on a connection that it does not track any more', () => {
  const { silent, add } = start();
  const connection = add('10.0.0.1');
  expect(connection.listenerCount('close')).toBe(1);
  silent.untrack(connection.asSocket);
  expect(connection.listenerCount('close')).toBe(0);
});

it('accepts 10,000 silent connections, and 1,000 of one address, by default', () => {
  const silent = new SilentConnections();
  for (let at = 0; at < 1_001; at++) silent.add(new FakeConnection('10.1.0.1').asSocket, 0);
  expect(silent.size).toBe(1_000);
  for (let at = 0; at < 9_001; at++)
    silent.add(new FakeConnection(`10.2.${at >> 8}.${at & 255}`).asSocket, 0);
  expect(silent.size).toBe(10_000);
});
