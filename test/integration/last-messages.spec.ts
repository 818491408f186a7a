import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { CLOSE, frame, RawPeer } from '../helpers/raw-peer.js';
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
    // One for the token; no offence is forgiven.
    const { peer, calls } = await start({ messageRate: 0.001, messageBurst: 3, maxStrikes: 1 });
    peer.write(Buffer.concat(['1', '2', '3', '4', '5'].map(event)));
    expect(await peer.closeCode()).toBe(4429);
    expect(calls).toHaveLength(2);
  });
});
