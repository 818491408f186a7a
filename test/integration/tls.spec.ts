import { TestApp, tokenFor } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { pause } from '../helpers/eventually.js';
import { RawPeer } from '../helpers/raw-peer.js';

/** TLS without a certificate: server identity does not matter here. */
const ANONYMOUS = { ciphers: 'AECDH-AES256-SHA:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const;

const start = (timeout?: number) =>
  TestApp.start({
    gateways: [DemoGateway],
    options: {
      ...(timeout !== undefined && { auth: { validateToken: () => ({ id: 'alice' }), timeout } }),
      connection: { requireTls: true },
    },
    application: { httpsOptions: { ...ANONYMOUS } },
  });

const connect = ({ port }: TestApp, path = '/events') =>
  TestClient.connect(`wss://127.0.0.1:${port}${path}`, {
    ...ANONYMOUS,
    rejectUnauthorized: false,
  });

describe('a gateway that terminates TLS itself', () => {
  it('serves events', async () => {
    const app = await start();
    const client = await connect(app);
    await client.authenticate(tokenFor('alice'));
    client.emit('demo.echo', 'encrypted');
    expect((await client.next()).event.data).toBe('encrypted');
    client.terminate();
  });

  it('keeps connections open after the timeout of their first request', async () => {
    const app = await start(2_000);
    const client = await connect(app);
    await client.authenticate('any');
    await pause(3_500);
    client.emit('demo.echo', 'still');
    expect((await client.next()).event.data).toBe('still');
    client.terminate();
  });

  it('drops connections that never start a handshake', async () => {
    const app = await start(100);
    const peer = await RawPeer.connect(app.port);
    await peer.gone;
  });

  it('answers a handshake for an unknown path', async () => {
    const app = await start();
    const options = { ...ANONYMOUS, rejectUnauthorized: false };
    const { status, body } = await TestClient.refusal(`wss://127.0.0.1:${app.port}/no`, options);
    expect(status).toBe(404);
    expect(body.code).toBe('UNKNOWN_PATH');
  });
});
