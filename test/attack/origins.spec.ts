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

  it('on the list may connect, and sub-domains of a wildcard', async () => {
    for (const Origin of ['https://myapp.com', 'https://a.tenants.com', 'https://a.b.tenants.com'])
      expect((await handshake({ Origin })).status).toBe(101);
  });

  it('that is none of the list is refused with 403 and ORIGIN_REJECTED, which names nothing', async () => {
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

  it('sent twice is refused, whichever of them is allowed', async () => {
    for (const second of ['https://myapp.com', 'https://evil.com'])
      expect((await handshake({ Origin: 'https://myapp.com', origin: second })).status).toBe(403);
  });

  it('is taken from no other header', async () => {
    const evil = { Origin: 'https://evil.com', 'Sec-WebSocket-Origin': 'https://myapp.com' };
    expect((await handshake(evil)).status).toBe(403);
    expect((await handshake({ ...evil, 'Sec-WebSocket-Version': '8' })).status).toBe(403);
    expect((await handshake({ ...evil, 'X-Forwarded-Host': 'myapp.com' })).status).toBe(403);
  });

  it('is judged by the gateway it is for, where that has a list of its own', async () => {
    expect((await handshake({ Origin: 'https://own.com' }, '/own')).status).toBe(101);
    expect((await handshake({ Origin: 'https://myapp.com' }, '/own')).status).toBe(403);
    expect((await handshake({ Origin: 'https://myapp.com' }, '/none')).status).toBe(403);
    expect((await handshake({ Origin: 'https://own.com' }, '/own/../events')).status).toBe(403);
    expect((await handshake({ Origin: 'https://own.com' }, '/events?path=/own')).status).toBe(403);
  });
});

describe('no origin', () => {
  it('may connect by default, as other programs than browsers do', async () => {
    app = await start();
    expect((await handshake({})).status).toBe(101);
    expect((await handshake({}, '/none')).status).toBe(101);
  });

  it('is refused with 403 where the option says so', async () => {
    app = await start({ allowNoOrigin: false });
    const { status, body } = await handshake({});
    expect(status).toBe(403);
    expect(body).toContain('ORIGIN_REJECTED');
    expect((await handshake({ Origin: 'https://myapp.com' })).status).toBe(101);
  });
});

describe('a list without any origin', () => {
  it('lets no page connect', async () => {
    app = await start({ origins: [] });
    for (const Origin of ['https://myapp.com', 'null', ''])
      expect((await handshake({ Origin })).status).toBe(403);
  });
});
