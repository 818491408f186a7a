import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { map, range } from 'rxjs';
import type { WebSocket } from 'ws';
import { ConnectionManager, Public, SecureGateway, SecurityEvents } from '../../lib/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { GatedGateway, unsigned } from '../helpers/gated.gateway.js';
import { frame, RawPeer } from '../helpers/raw-peer.js';
import { JWT_SECRET, TestApp } from '../helpers/test-app.js';

/** Long enough that unauthenticated clients are not closed. */
const auth = { jwt: { secret: JWT_SECRET }, timeout: 600_000 };
const UNLIMITED = { messageRate: 1e6, messageBurst: 1e6, maxStrikes: 1e6 };
const MEBIBYTE = 2 ** 20;
/** What a stream reads from a socket that is already paused. */
const READ_AHEAD = 2 * 65_536;
const MESSAGE = 'x'.repeat(65_536);
const MESSAGES = (100 * MEBIBYTE) / MESSAGE.length;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Sends 100 MiB in each way a handler can, and measures the memory. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
@Public()
class PushingGateway {
  isDone = false;
  /** Bytes outside the heap at the beginning, and the maximum since. */
  before = 0;
  most = 0;
  made = 0;

  @SubscribeMessage('push.turns')
  async turns(@ConnectedSocket() socket: WebSocket) {
    for (let sent = 0; sent < MESSAGES; sent++) {
      this.note();
      socket.send(MESSAGE);
      await new Promise(setImmediate);
    }
    this.isDone = true;
  }

  @SubscribeMessage('push.burst')
  burst(@ConnectedSocket() socket: WebSocket) {
    for (let sent = 0; sent < MESSAGES; sent++) {
      this.note();
      socket.send(MESSAGE);
    }
    this.isDone = true;
  }

  @SubscribeMessage('push.stream')
  stream() {
    return range(MESSAGES).pipe(
      map(() => {
        this.note();
        return MESSAGE;
      }),
    );
  }

  private note(): void {
    let { external } = process.memoryUsage();
    if (this.made++ === 0) this.before = external;
    // Excludes garbage.
    if (external - this.before > 4 * MEBIBYTE) {
      collect();
      ({ external } = process.memoryUsage());
    }
    this.most = Math.max(this.most, external);
  }
}

/** Returns the server's side of every TCP connection, in order. */
const serverSides = (app: TestApp) => {
  const sockets: Socket[] = [];
  app.nest.getHttpServer().on('connection', (socket: Socket) => sockets.push(socket));
  return sockets;
};

describe('100 MiB sent to a client that does not read', () => {
  it.each(['push.turns', 'push.burst', 'push.stream'])(
    'by %s take less than 5 MiB, and it is closed with 4508',
    async message => {
      const app = await TestApp.start({
        gateways: [PushingGateway],
        options: { connection: UNLIMITED, auth },
      });
      const gateway = app.nest.get(PushingGateway);
      const connections = app.nest.get(ConnectionManager);
      const peer = await RawPeer.open(app.port);
      peer.socket.pause();
      peer.send(unsigned(message));
      await eventually(() => gateway.isDone || (message === 'push.stream' && gateway.made > 0));
      expect(gateway.most - gateway.before).toBeLessThan(5 * MEBIBYTE);
      // A stream is unsubscribed when its client has disconnected.
      if (message === 'push.stream') expect(gateway.made).toBeLessThan(MESSAGES);
      peer.socket.resume();
      expect(await peer.closeCode()).toBe(4508);
      peer.reset();
      await eventually(() => connections.count === 0);
    },
  );
});

describe('a client that has 100 MiB echoed and does not read', () => {
  it('is no longer read, and closed with 4508', async () => {
    const connection = {
      ...UNLIMITED,
      maxUnauthenticatedMessageSize: 65_536,
      maxBufferedBytes: 100_000,
    };
    const app = await TestApp.start({ gateways: [GatedGateway], options: { connection, auth } });
    const accepted = serverSides(app);
    const peer = await RawPeer.open(app.port);
    const [server] = accepted as [Socket];
    const closed = new Promise(resolve => {
      app.nest.get(SecurityEvents).subscribe(event => {
        if (event.kind === 'closed') resolve(event);
      });
    });
    peer.socket.pause();
    // As long as its reply.
    const request = { ...unsigned('gated.bytes', 60_000), padding: 'x'.repeat(60_000) };
    const bytes = frame(JSON.stringify(request));
    for (let sent = 0; sent < 1_700; sent++) peer.write(bytes);
    await closed;
    const readWhenClosed = server.bytesRead;
    expect(readWhenClosed).toBeLessThan(20 * MEBIBYTE);
    await pause(100);
    expect(server.bytesRead - readWhenClosed).toBeLessThanOrEqual(READ_AHEAD);
    peer.socket.resume();
    expect(await peer.closeCode()).toBe(4508);
    await eventually(() => server.destroyed);
    expect(server.bytesRead - readWhenClosed).toBeLessThan(100_000 + 2 * READ_AHEAD);
  });
});
