import { WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { TestApp } from '../helpers/test-app.js';

const ORIGINS = ['https://myapp.com', 'https://*.tenants.com'];

@WebSocketGateway({ path: '/own', origins: ['https://own.com'] })
@SecureGateway()
class OwnOrigins {}

@WebSocketGateway({ path: '/none', origins: [] })
@SecureGateway()
class NoOrigins {}

let app: TestApp;

const start = (connection = {}) =>
  TestApp.start({
    gateways: [DemoGateway, OwnOrigins, NoOrigins],
    options: { connection: { origins: ORIGINS, ...connection } },
  });
const handshake = async (headers: Record<string, string>, path = '/events') =>
  (await RawPeer.connect(app.port)).handshake(path, headers);

describe('an origin', () => {
  beforeEach(async () => {
    app = await start();
  });

  it('on the list may connect, and subdomains of a wildcard', async () => {
    for (const Origin of ['https://myapp.com', 'https://a.tenants.com', 'https://a.b.tenants.com'])
      expect((await handshake({ Origin })).status).toBe(101);
  });

  it('that is not on the list is rejected with 403 and ORIGIN_REJECTED, without details', async () => {
    for (const Origin of [
      'null',
      '',
      'http://myapp.com',
      'https://myapp.com:8443',
      'https://myapp.com:443',
      'https://good@myapp.com',
      'https://myapp.com@evil.com',
      'https://evilmyapp.com',
      'https://myapp.com.evil.com',
      'https://myapp.com.',
      'https://MYAPP.com',
      'https://myapp.com/',
      'https://xn--mypp-7fd.com',
      'https://tenants.com',
      'https://eviltenants.com',
      'https://.tenants.com',
      'https://a.tenants.com:8443',
      'http://a.tenants.com',
      'https://myapp.com, https://myapp.com',
      'wss://myapp.com',
      'https://own.com',
      '*',
      'x'.repeat(8_000),
    ]) {
      const { status, body, head } = await handshake({ Origin });
      expect([Origin.slice(0, 50), status]).toEqual([Origin.slice(0, 50), 403]);
      expect(head).toContain('Content-Type: application/json');
      expect(JSON.parse(body)).toEqual({
        code: 'ORIGIN_REJECTED',
        message: 'This origin is not allowed',
      });
    }
  });

  it('sent twice is rejected, whichever of them is allowed', async () => {
    for (const second of ['https://myapp.com', 'https://evil.com'])
      expect((await handshake({ Origin: 'https://myapp.com', origin: second })).status).toBe(403);
  });

  it('is not read from any other header', async () => {
    const evil = { Origin: 'https://evil.com', 'Sec-WebSocket-Origin': 'https://myapp.com' };
    expect((await handshake(evil)).status).toBe(403);
    expect((await handshake({ ...evil, 'Sec-WebSocket-Version': '8' })).status).toBe(403);
    expect((await handshake({ ...evil, 'X-Forwarded-Host': 'myapp.com' })).status).toBe(403);
  });

  it('is checked by the list of its gateway, if that has one', async () => {
    expect((await handshake({ Origin: 'https://own.com' }, '/own')).status).toBe(101);
    expect((await handshake({ Origin: 'https://myapp.com' }, '/own')).status).toBe(403);
    expect((await handshake({ Origin: 'https://myapp.com' }, '/none')).status).toBe(403);
    // The raw path decides: this one belongs to no gateway.
    expect((await handshake({ Origin: 'https://own.com' }, '/own/../events')).status).toBe(404);
    expect((await handshake({ Origin: 'https://own.com' }, '/events?path=/own')).status).toBe(403);
  });
});

describe('a missing origin', () => {
  it('may connect by default, because programs other than browsers send none', async () => {
    app = await start();
    expect((await handshake({})).status).toBe(101);
    expect((await handshake({}, '/none')).status).toBe(101);
  });

  it('is rejected with 403 if allowNoOrigin is false', async () => {
    app = await start({ allowNoOrigin: false });
    const { status, body } = await handshake({});
    expect(status).toBe(403);
    expect(body).toContain('ORIGIN_REJECTED');
    expect((await handshake({ Origin: 'https://myapp.com' })).status).toBe(101);
  });
});

describe('an empty list of origins', () => {
  it('allows no page to connect', async () => {
    app = await start({ origins: [] });
    for (const Origin of ['https://myapp.com', 'null', ''])
      expect((await handshake({ Origin })).status).toBe(403);
  });
});
