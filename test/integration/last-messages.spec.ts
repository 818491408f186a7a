import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { GatedGateway } from '../helpers/gated.gateway.js';
import { CLOSE, frame, PING, RawPeer } from '../helpers/raw-peer.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

async function start(connection = {}) {
  const app = await TestApp.start({ gateways: [DemoGateway], options: { connection } });
  const peer = await RawPeer.open(app.port);
  peer.send({ type: 'auth', token: tokenFor('alice') });
  await peer.next();
  const { calls } = app.nest.get(DemoGateway);
  return { peer, calls };
}

const event = (id: string) =>
  frame(
    JSON.stringify({
      type: 'event',
      event: { specversion: '1.0', type: 'demo.nothing', source: 'test', id },
    }),
  );
const closing = frame(Buffer.from([3, 232]), { opcode: CLOSE });

// Received frames are handled at the end of a turn of the event loop. A connection may close
// before.
describe('messages that arrive before their connection closes', () => {
  it('are handled if a close frame arrives with them', async () => {
    const { peer, calls } = await start();
    peer.write(Buffer.concat([event('1'), event('2'), closing]));
    expect(await peer.closeCode()).toBe(1000);
    expect(calls).toHaveLength(2);
  });

  it('are handled if the end of the stream arrives with them', async () => {
    const { peer, calls } = await start();
    peer.socket.end(event('1'));
    await eventually(() => calls.length === 1);
  });

  it('are handled if a protocol error arrives with them, and nothing after it is', async () => {
    const { peer, calls } = await start();
    peer.write(Buffer.concat([event('1'), frame('x', { rsv: 1 }), event('2')]));
    expect(await peer.closeCode()).toBe(1002);
    expect(calls).toHaveLength(1);
  });

  it('are handled if the next one exceeds the closing limit, and nothing after it is', async () => {
    // One frame for the token, and one strike that is forgiven.
    const { peer, calls } = await start({ messageRate: 0.001, messageBurst: 3, maxStrikes: 1 });
    peer.write(Buffer.concat(['1', '2', '3', '4', '5'].map(event)));
    expect(await peer.closeCode()).toBe(4429);
    expect(calls).toHaveLength(2);
  });

  it('are not handled after a queued message that closes the connection', async () => {
    const app = await TestApp.start({
      gateways: [GatedGateway],
      options: { connection: { maxRunningHandlers: 1, maxStrikes: 1 } },
    });
    const gateway = app.nest.get(GatedGateway);
    const peer = await RawPeer.open(app.port);
    peer.send({ type: 'auth', token: tokenFor('alice') });
    await peer.next();
    // While a handler runs, two frames that are not JSON are queued until the ping is answered.
    const silent = frame(JSON.stringify({ event: 'gated.silent' }));
    peer.write(Buffer.concat([silent, frame('x'), frame('x'), frame('', { opcode: PING })]));
    await peer.next();
    // That handler finishes in the same turn as one more message arrives.
    const released = await connection(() => {
      gateway.release(1);
    });
    peer.write(silent);
    released.write('now');
    expect(await peer.closeCode()).toBe(4429);
    released.destroy();
    expect(gateway.started).toBe(1);
  });
});

/** @param onData called with the bytes that leave at the other end */
async function connection(onData: () => void): Promise<Socket> {
  const server = createServer(other => other.once('data', onData)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(server, 'connection');
  server.close();
  return socket;
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class CountingGateway {
  /** Counts the bytes of the connection that were read when a handler was called. */
  readonly read: number[] = [];

  @SubscribeMessage('demo.large')
  large(@ConnectedSocket() { _socket }: { _socket: Socket }) {
    this.read.push(_socket.bytesRead);
  }
}

it('large messages are handled before the end of a turn, which may read megabytes', async () => {
  // Large messages cost more of the budget than small ones.
  const options = { connection: { messageBurst: 10_000 } };
  const app = await TestApp.start({ gateways: [CountingGateway], options });
  const peer = await RawPeer.open(app.port);
  peer.send({ type: 'auth', token: tokenFor('alice') });
  await peer.next();
  const large = frame(JSON.stringify({ event: 'demo.large', data: 'x'.repeat(60_000) }));
  peer.write(Buffer.concat(Array<Buffer>(100).fill(large)));
  const { read } = app.nest.get(CountingGateway);
  await eventually(() => read.length === 100);
  const steps = read.map((bytes, at) => bytes - (read[at - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThan(4 * 65_536);
});
