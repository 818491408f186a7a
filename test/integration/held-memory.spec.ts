import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '../helpers/eventually.js';
import { GatedGateway } from '../helpers/gated.gateway.js';
import { frame, PING, RawPeer } from '../helpers/raw-peer.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Returns the bytes of buffers that are still in use. */
function used(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

it('queued messages do not retain the memory of the chunks they arrived in', async () => {
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
  // V8 frees buffers in the background, after the collection. Retained chunks would take 2.5 MB for good.
  await eventually(() => used() - before < 800_000);
  app.nest.get(GatedGateway).open();
});
