import { DemoGateway } from '../helpers/demo.gateway.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { tokenFor } from '../helpers/test-app.js';
import { ConnectionManager } from '../../lib/index.js';

const start = (more = {}) => startIo({ gateways: [DemoGateway], ...more });

describe('a gateway of Socket.IO', () => {
  it('hands a session key to who connects with a token, and knows the client by it', async () => {
    const app = await start();
    const client = IoClient.open(app.port, { auth: { token: tokenFor('alice') } });
    expect(await client.next('auth_success')).toMatchObject({
      client_id: expect.any(String),
      user_id: 'alice',
      expires_at: expect.any(String),
      signing: { scheme: 'v1', key_id: expect.stringMatching(/^s-/), key: expect.any(String) },
    });
    const [connected] = app.nest.get(ConnectionManager).list();
    expect(connected).toMatchObject({ address: '127.0.0.1', user: { id: 'alice' } });
  });

  it('answers a signed event by a signed event that names it', async () => {
    const client = await IoClient.login(await start());
    const request = client.send(client.event('demo.echo', { text: 'grüß dich' }));
    const reply = await client.next('demo.echo.reply');
    expect(reply).toMatchObject({
      type: 'demo.echo.reply',
      data: { text: 'grüß dich' },
      semanticcorrelationid: request.id,
    });
    expect(client.verifies(reply)).toBe(true);
  });
});
