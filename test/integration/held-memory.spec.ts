import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GatedGateway } from '../helpers/gated.gateway.js';
import { frame, PING, RawPeer } from '../helpers/raw-peer.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of buffers that are still in use. */
function used(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

it('messages that are held for long take up no more than themselves, whatever they came with', async () => {
  const app = await TestApp.start({
    gateways: [GatedGateway],
    options: { connection: { maxRunningHandlers: 1, messageRate: 1e6 } },
  });
  const peer = await RawPeer.open(app.port);
  peer.send({ type: 'auth', token: tokenFor('alice') });
  await peer.next();
  const silent = frame(JSON.stringify({ event: 'gated.silent' }));
  const pings = Array<Buffer>(300).fill(frame('x'.repeat(125), { opcode: PING }));
  const read = async () => {
    for (let pongs = 0; pongs < pings.length; pongs++) await peer.next();
  };
  peer.write(Buffer.concat([silent, ...pings]));
  await read();
  const before = used();
  for (let held = 0; held < 40; held++) {
    peer.write(Buffer.concat([silent, ...pings]));
    await read();
  }
  const kept = used() - before;
  app.nest.get(GatedGateway).open();
  expect(kept).toBeLessThan(800_000);
});
