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

// What comes in is handled at the end of a turn of the event loop; a connection may end before.
describe('messages that came before the end of their connection', () => {
  it('are handled when a close frame came with them', async () => {
    const { peer, calls } = await start();
    peer.write(Buffer.concat([event('1'), event('2'), closing]));
    expect(await peer.closeCode()).toBe(1000);
    expect(calls).toHaveLength(2);
  });

  it('are handled when the end of the stream came with them', async () => {
    const { peer, calls } = await start();
    peer.socket.end(event('1'));
    await eventually(() => calls.length === 1);
  });

  it('are handled when what came with them breaks the protocol, and nothing behind it is', async () => {
    const { peer, calls } = await start();
    peer.write(Buffer.concat([event('1'), frame('x', { rsv: 1 }), event('2')]));
    expect(await peer.closeCode()).toBe(1002);
    expect(calls).toHaveLength(1);
  });

  it('are handled when the next goes over the limit that closes, and nothing behind it is', async () => {
    // One frame for the token, and one offence that is forgiven.
    const { peer, calls } = await start({ messageRate: 0.001, messageBurst: 3, maxStrikes: 1 });
    peer.write(Buffer.concat(['1', '2', '3', '4', '5'].map(event)));
    expect(await peer.closeCode()).toBe(4429);
    expect(calls).toHaveLength(2);
  });

  it('are not handled when they came behind one that was held, and then closed the connection', async () => {
    const app = await TestApp.start({
      gateways: [GatedGateway],
      options: { connection: { maxRunningHandlers: 1, maxStrikes: 1 } },
    });
    const gateway = app.nest.get(GatedGateway);
    const peer = await RawPeer.open(app.port);
    peer.send({ type: 'auth', token: tokenFor('alice') });
    await peer.next();
    // Behind a handler that runs, two that are not JSON are held when the ping is answered.
    const silent = frame(JSON.stringify({ event: 'gated.silent' }));
    peer.write(Buffer.concat([silent, frame('x'), frame('x'), frame('', { opcode: PING })]));
    await peer.next();
    // That handler finishes in the same turn as one more message comes in.
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

/** @param told called when something comes out at the other end */
async function connection(told: () => void): Promise<Socket> {
  const server = createServer(other => other.once('data', told)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(server, 'connection');
  server.close();
  return socket;
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class CountingGateway {
  /** How much of the connection had been read when a handler was called. */
  readonly read: number[] = [];

  @SubscribeMessage('demo.large')
  large(@ConnectedSocket() { _socket }: { _socket: Socket }) {
    this.read.push(_socket.bytesRead);
  }
}

it('large messages do not wait for the end of a turn, in which megabytes of a socket may be read', async () => {
  const app = await TestApp.start({ gateways: [CountingGateway] });
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
