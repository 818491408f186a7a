import type { Socket } from 'node:net';
import { constants, deflateRawSync } from 'node:zlib';
import { type OnGatewayConnection, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import type { WebSocket, WebSocketServer as Server } from 'ws';
import { EventMesh, SecureGateway } from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { IoClient } from '../helpers/io-client.js';
import { frame, RawPeer } from '../helpers/raw-peer.js';
import { TestApp, type TestAppOptions, tokenFor } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

const THRESHOLD = 4_096;
const LARGE = 'lorem '.repeat(5_000);
const COMPRESSED = 0x4;

type Connection = NonNullable<NonNullable<TestAppOptions['options']>['connection']>;

const start = (connection: Partial<Connection> = {}, more: Partial<TestAppOptions> = {}) =>
  TestApp.start({
    gateways: [DemoGateway],
    options: {
      connection: { perMessageDeflate: { threshold: THRESHOLD }, ...connection },
      mesh: { allow: ['**'] },
    },
    ...more,
  });

/** The TCP connection of a client. It counts the bytes that the server sends. */
const tcpOf = (socket: WebSocket) => (socket as unknown as { _socket: Socket })._socket;

/** Returns a compressed text message, as a client sends it (RFC 7692, section 7.2.1). */
const compressed = (text: string) =>
  frame(deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), {
    rsv: COMPRESSED,
  });

/** Listens to the sockets of ws itself, as an application may. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
class ListeningGateway implements OnGatewayConnection<WebSocket> {
  @WebSocketServer() server!: Server;
  readonly heard: unknown[] = [];

  handleConnection(socket: WebSocket) {
    socket.on('message', message => this.heard.push(message));
  }
}

const DEFLATE = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
const openRaw = (app: TestApp) => RawPeer.open(app.port, '/events', DEFLATE);

async function nextJson(peer: RawPeer): Promise<Json> {
  return JSON.parse(String((await peer.next())?.payload)) as Json;
}

describe('with connection.perMessageDeflate', () => {
  it('no context outlives a message, in either direction', async () => {
    const peer = await RawPeer.connect((await start()).port);
    const { head } = await peer.handshake('/events', DEFLATE);
    expect(head).toContain(
      'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    );
  });

  it('only messages from the threshold are compressed, and all keep their order', async () => {
    const client = await (await start()).login();
    const before = tcpOf(client.socket).bytesRead;
    const texts = Array.from({ length: 20 }, (_, n) => (n % 2 ? `${n}` : `${n}${LARGE}`));
    for (const text of texts) client.emit('demo.echo', text);
    const replies = await client.take(texts.length);
    expect(replies.map(({ event }) => (event as Json).data as string)).toEqual(texts);
    for (const { event } of replies) expect(client.verifies(event as Json)).toBe(true);
    const received = tcpOf(client.socket).bytesRead - before;
    expect(received).toBeLessThan(LARGE.length);
    expect(received).toBeGreaterThan(texts.length * 200);
  });

  it('each client receives its own signature of a shared event', async () => {
    const app = await start();
    const clients = await Promise.all(['a', 'b', 'c'].map(user => app.login(user)));
    for (const client of clients) {
      client.sendJson({ type: 'subscribe', patterns: ['news'] });
      expect(await client.next()).toMatchObject({ type: 'subscribed' });
    }
    for (let n = 0; n < 3; n++) await app.nest.get(EventMesh).emit('news', `${n}${LARGE}`);
    for (const client of clients)
      for (const { event } of await client.take(3))
        expect(client.verifies(event as Json)).toBe(true);
  });

  it('Socket.IO clients receive large messages compressed', async () => {
    const app = await start({}, { adapter: SemanticEventsIoAdapter });
    const client = await IoClient.login(app, 'alice', { perMessageDeflate: { threshold: 1 } });
    const { ws } = client.socket.io.engine.transport as unknown as { ws: WebSocket };
    const before = tcpOf(ws).bytesRead;
    client.send(client.event('demo.echo', LARGE));
    const reply = await client.next('demo.echo.reply');
    expect(reply.data).toBe(LARGE);
    expect(tcpOf(ws).bytesRead - before).toBeLessThan(LARGE.length / 10);
  });

  it('the size of a message counts twice beyond its first unit', async () => {
    const clock = new FakeClock();
    const limits = { messageRate: 1, messageBurst: 40 };
    const plain = await start({ ...limits, perMessageDeflate: false }, { clock });
    const deflating = await start(limits, { clock });
    const sent = [20_000, 20_000, 20_000, 20_000, 20_000];
    const answers = async (app: TestApp) => {
      const client = await app.login();
      for (const size of sent) client.emit('demo.nothing', 'x'.repeat(size));
      client.sendJson({ type: 'ping' });
      const codes = [];
      for (let next = await client.next(); next.type !== 'pong'; next = await client.next())
        codes.push(next.code as string);
      return codes;
    };
    // Five messages of 5 units and a ping fit into the burst. Of five messages of 9 units four do.
    expect(await answers(plain)).toEqual([]);
    expect(await answers(deflating)).toEqual(['RATE_LIMITED']);
  });

  it('messages leave uncompressed when the limit of their user is used up, and are not refused', async () => {
    const clock = new FakeClock();
    // A user may compress four times as much as a connection may send: 8 units of 4 KiB each.
    const app = await start({ messageRate: 1, messageBurst: 40 }, { clock });
    const client = await app.login();
    client.sendJson({ type: 'subscribe', patterns: ['news'] });
    await client.next();
    // A small message is not compressed, and costs nothing.
    for (let n = 0; n < 200; n++) await app.nest.get(EventMesh).emit('news', n);
    await client.take(200);
    const sizes = [];
    for (let n = 0; n < 40; n++) {
      const before = tcpOf(client.socket).bytesRead;
      await app.nest.get(EventMesh).emit('news', LARGE);
      expect(((await client.next()).event as Json).data).toBe(LARGE);
      sizes.push(tcpOf(client.socket).bytesRead - before);
    }
    expect(sizes[0]).toBeLessThan(LARGE.length / 10);
    expect(sizes.at(-1)).toBeGreaterThan(LARGE.length);
    client.sendJson({ type: 'ping' });
    expect(await client.next()).toMatchObject({ type: 'pong' });
  });
});

describe('a compressed message', () => {
  const auth = JSON.stringify({ type: 'auth', token: tokenFor('alice') });

  it('is accepted like any other', async () => {
    const peer = await openRaw(await start());
    peer.write(compressed(auth));
    expect(await nextJson(peer)).toMatchObject({ type: 'auth_success' });
  });

  it('that inflates beyond maxMessageSize is refused with 1009', async () => {
    const app = await start();
    const peer = await openRaw(app);
    peer.write(compressed(auth));
    await nextJson(peer);
    peer.write(compressed(`{"type":"ping","more":"${'x'.repeat(1_000_000)}"}`));
    expect(await peer.closeCode()).toBe(1009);
  });

  it('of a client without a user that inflates beyond the smaller limit is refused', async () => {
    const peer = await openRaw(await start());
    peer.write(compressed(`{"type":"ping","more":"${'x'.repeat(10_000)}"}`));
    expect(await nextJson(peer)).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  it('that is not deflated ends its connection only', async () => {
    const app = await start();
    const other = await app.login();
    const peer = await openRaw(app);
    peer.write(frame('not deflated at all', { rsv: COMPRESSED }));
    expect(await peer.closeCode()).toBe(1007);
    other.emit('demo.echo', 1);
    expect(await other.next()).toMatchObject({ event: { data: 1 } });
  });

  it('that ws has still inflated after the server closed reaches no listener', async () => {
    const app = await start({}, { gateways: [ListeningGateway] });
    await app.login();
    const { heard, server } = app.nest.get(ListeningGateway);
    const [socket] = server.clients;
    socket?.emit('message', Buffer.from('{}'), false);
    socket?.close();
    socket?.emit('message', Buffer.from('{}'), false);
    expect(heard).toHaveLength(2);
  });
});
