import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import { WebSocket, type WebSocketServer } from 'ws';
import { Public, SecureGateway, SemanticEventsAdapter } from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { CLOSE, frame, PING, RawPeer } from '../helpers/raw-peer.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

/** Units of an unauthenticated client, and a few offences that are forgiven. */
const connection = {
  messageRate: 0.001,
  messageBurst: 20,
  maxStrikes: 5,
  maxUnauthenticatedMessageSize: 8_192,
  maxBufferedBytes: 100_000,
};
/** The frames of which the last one closes the connection. */
const FRAMES = 20 + 5 + 1;
/** What a stream reads from a socket that is already paused. */
const READ_AHEAD = 2 * 65_536;

type Listening = {
  on(event: 'message' | 'ping' | 'close', listener: (code: number) => void): unknown;
};

/** Counts the frames that ws parses, and records the codes by which it closes. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
class WatchedGateway {
  parsed = 0;
  readonly codes: unknown[] = [];

  afterInit(server: WebSocketServer | Server) {
    const watch = (socket: Listening) => {
      for (const event of ['message', 'ping'] as const) socket.on(event, () => this.parsed++);
      socket.on('close', code => this.codes.push(code));
    };
    if ('engine' in server)
      server.engine.on('connection', ({ transport }: { transport: { socket: Listening } }) => {
        watch(transport.socket);
      });
    else server.on('connection', watch);
  }

  @SubscribeMessage('watched')
  @Public()
  watched() {
    return undefined;
  }
}

const ADAPTERS = [
  ['ws', SemanticEventsAdapter, '/events', '1'],
  ['Socket.IO', SemanticEventsIoAdapter, '/events/?EIO=4&transport=websocket', '3'],
] as const;

async function start(adapter: (typeof ADAPTERS)[number][1], path: string, more = {}) {
  const options = { connection: { ...connection, ...more } };
  const app = await TestApp.start({ gateways: [WatchedGateway], adapter, options });
  const sockets: Socket[] = [];
  (app.nest.getHttpServer() as HttpServer).on('upgrade', ({ socket }: IncomingMessage) =>
    sockets.push(socket),
  );
  const peer = await RawPeer.open(app.port, path);
  return { app, gateway: app.nest.get(WatchedGateway), peer, server: sockets[0]! };
}

const many = (bytes: Buffer, count = 9_000) => Buffer.concat(Array<Buffer>(count).fill(bytes));
const closing = frame(Buffer.from([3, 232]), { opcode: CLOSE });

/** Writes as fast as the other end reads, until the connection is gone. */
async function flood({ socket }: RawPeer, bytes: Buffer): Promise<void> {
  while (!socket.destroyed && !socket.writableEnded) {
    socket.write(bytes);
    await pause(socket.writableLength > 1_000_000 ? 20 : 1);
  }
}

describe.each(ADAPTERS)(
  'a connection of %s that the server closes',
  (_name, adapter, path, text) => {
    const tiny = frame(text);

    it.each([
      ['messages', tiny],
      ['pings', frame('', { opcode: PING })],
    ])('parses no %s behind the frame that closes it, in one chunk', async (_, bytes) => {
      const { gateway, peer, server } = await start(adapter, path);
      peer.write(many(bytes));
      const code = await peer.closeCode();
      await eventually(() => server.bytesRead > 9_000 * bytes.length);
      expect(code).toBe(4429);
      expect(gateway.parsed).toBeLessThanOrEqual(FRAMES);
    });

    it('parses nothing that arrives later, and is dropped if that is much', async () => {
      const { gateway, peer, server } = await start(adapter, path, { closeTimeout: 600_000 });
      peer.write(many(tiny, FRAMES));
      await peer.closeCode();
      const before = server.bytesRead;
      const flooding = flood(peer, many(tiny));
      await eventually(() => server.destroyed);
      await flooding;
      expect(gateway.parsed).toBeLessThanOrEqual(FRAMES);
      expect(server.bytesRead - before).toBeLessThan(8_192 + 2 * READ_AHEAD);
    });

    it('ends as soon as the client answers the close frame', async () => {
      const { peer, server } = await start(adapter, path, { closeTimeout: 600_000 });
      peer.write(many(tiny, FRAMES));
      await peer.closeCode();
      peer.write(closing);
      await peer.gone;
      peer.socket.end();
      await eventually(() => server.destroyed);
    });

    it('ends as soon as the client has answered before, in the same chunk', async () => {
      const { peer, server } = await start(adapter, path, { closeTimeout: 600_000 });
      peer.write(Buffer.concat([many(tiny, 2 * FRAMES), closing]));
      expect(await peer.closeCode()).toBe(4429);
      await peer.gone;
      peer.socket.end();
      await eventually(() => server.destroyed);
    });
  },
);

describe.each<[string, Buffer, number]>([
  ['a protocol error', frame('x', { rsv: 1 }), 1002],
  ['its own close frame', closing, 1000],
  ['a message that is too large', frame('x'.repeat(8_193)), 1009],
  ['a binary message', frame('x', { opcode: 2 }), 1003],
])('a client that continues to send after %s', (_, bytes, code) => {
  it(`is closed with ${code}, and dropped`, async () => {
    const { gateway, peer, server } = await start(...socketOf('ws'), { closeTimeout: 600_000 });
    peer.write(Buffer.concat([bytes, many(frame('1'))]));
    expect(await peer.closeCode()).toBe(code);
    const flooding = flood(peer, many(frame('1')));
    await eventually(() => server.destroyed);
    await flooding;
    expect(gateway.parsed).toBeLessThanOrEqual(1);
  });
});

describe('a client that is closed while it sends', () => {
  it.each([
    [40, 'little more', 4429],
    [200, 'much more', 1006],
  ])(
    'receives everything that was sent before, and the close code: %d, %s',
    async (count, _, own) => {
      const { app, gateway } = await start(...socketOf('ws'));
      const socket = new WebSocket(`ws://127.0.0.1:${app.port}/events`, 'semantic-events.v1');
      const received: { type: string; code?: string }[] = [];
      socket.on('message', (data: Buffer) => received.push(JSON.parse(data.toString())));
      await new Promise(resolve => socket.once('open', resolve));
      const closed = new Promise<[number, string]>(resolve => {
        socket.once('close', (code, reason) => {
          resolve([code, reason.toString()]);
        });
      });
      socket.send(JSON.stringify({ type: 'auth', token: tokenFor('alice') }));
      await eventually(() => received.length === 1);
      for (let sent = 0; sent < count; sent++) socket.send(`{"type":"${'x'.repeat(4_000)}"}`);
      expect(await closed).toEqual([4429, 'RATE_LIMITED']);
      expect(received.filter(({ type }) => type === 'error')).toHaveLength(
        connection.maxStrikes + 1,
      );
      await eventually(() => gateway.codes.includes(own));
    },
  );
});

/** Returns the adapter of a name, and its path. */
function socketOf(wanted: (typeof ADAPTERS)[number][0]) {
  const [, adapter, path] = ADAPTERS.find(([name]) => name === wanted)!;
  return [adapter, path] as const;
}
