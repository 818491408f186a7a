import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventData,
  EventSigner,
  KeyRefresh,
  Public,
  SecureGateway,
  type SemanticEventsModuleOptions,
  SignedEvent,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { Issuer } from '../helpers/issuer.js';
import { run, take } from '../helpers/run-block.js';
import { TestApp } from '../helpers/test-app.js';

const start = (options: Partial<SemanticEventsModuleOptions>) =>
  TestApp.start({ gateways: [DemoGateway], options: { audit: 'off', ...options } });

const IDENTITY = 'docs/guides/identity-providers.md';
const KEYS = 'docs/guides/keys.md';

describe(IDENTITY, () => {
  it.each<[string, string, string, Record<string, unknown>]>([
    [
      'auth0.com',
      'https://your-tenant.eu.auth0.com/',
      '/',
      { aud: ['https://api.example.com', 'https://x.example/userinfo'], permissions: ['a'] },
    ],
    [
      'keycloak',
      'https://keycloak.example.com/realms/demo',
      '/realms/demo',
      { aud: ['orders', 'account'], realm_access: { roles: ['a'] } },
    ],
    [
      'cognito',
      'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI',
      '/eu-west-1_AbCdEfGhI',
      { client_id: '1h57kf5cpq17m0eml12EXAMPLE', token_use: 'access', 'cognito:groups': ['a'] },
    ],
    [
      'microsoftonline',
      'https://login.microsoftonline.com/0f0f0f0f-1111-2222-3333-444444444444/v2.0',
      '/v2.0',
      { aud: '5e5e5e5e-6666-7777-8888-999999999999', oid: 'alice', sub: 'pairwise' },
    ],
    ['clerk', 'https://clerk.example.com', '', { azp: 'https://app.example.com', sid: 'sess_1' }],
  ])('accepts tokens in the format of %s', async (name, shown, path, claims) => {
    const issuer = await Issuer.start(path);
    const block = take(IDENTITY, name);
    const { auth } = await run(block, { change: [[shown, issuer.url]] });
    const app = await start({ auth: auth as SemanticEventsModuleOptions['auth'] });
    const token = issuer.token({ sub: 'alice', ...claims });
    expect(await (await app.connect()).authenticate(token)).toHaveProperty('user_id', 'alice');
    const foreign = { aud: 'other', client_id: 'other', azp: 'other' };
    const other = issuer.token({ sub: 'alice', ...claims, ...foreign });
    expect(await (await app.connect()).authenticate(other)).toHaveProperty('code', 'AUTH_FAILED');
  });
});

describe(KEYS, () => {
  const secret = (id: string) => `${id}-secret-of-at-least-32-bytes-in-all`;

  async function idsOf(signing: unknown, change: () => void) {
    const app = await start({ signing: signing as SemanticEventsModuleOptions['signing'] });
    const ids = () => app.nest.get(EventSigner).keys.map(({ id }) => id);
    const before = ids();
    change();
    expect(await app.nest.get(KeyRefresh).refresh()).toBe(true);
    return [before, ids()];
  }

  it('has a producer whose event a handler accepts without authentication, once', async () => {
    const received: unknown[] = [];
    @WebSocketGateway({ path: '/events' })
    @SecureGateway()
    class StockGateway {
      @SubscribeMessage('stock.changed')
      @Public()
      @SignedEvent({ keys: 'ring' })
      changed(@EventData() stock: unknown) {
        received.push(stock);
        return 'stored';
      }
    }
    const keys = ['key-1', 'warehouse'].map(id => ({ id, secret: secret(id) }));
    const app = await TestApp.start({
      gateways: [StockGateway],
      options: { signing: { keys }, audit: 'off' },
    });
    process.env.WAREHOUSE_KEY = secret('warehouse');
    try {
      const { frame } = await run(take(KEYS, 'signEvent('), {
        change: [['localhost:3000', `127.0.0.1:${app.port}`]],
      });
      expect(frame).toMatchObject({ event: { type: 'stock.changed.reply', data: 'stored' } });
      expect(received).toEqual([{ item: 'book', left: 3 }]);
    } finally {
      delete process.env.WAREHOUSE_KEY;
    }
  });

  it('reads keys from a mounted secret', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signing-keys-'));
    try {
      symlinkSync(folder, join(folder, '..data'));
      writeFileSync(join(folder, '2026-11-01'), `${secret('a')}\n`);
      const block = take(KEYS, '/etc/signing-keys');
      const { signing } = await run(block, { change: [['/etc/signing-keys', folder]] });
      const ids = await idsOf(signing, () => {
        writeFileSync(join(folder, '2026-11-28'), `${secret('b')}\n`);
      });
      expect(ids).toEqual([['2026-11-01'], ['2026-11-28', '2026-11-01']]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('reads keys from a vault', async () => {
    const ring: Record<string, string> = { one: secret('one') };
    const vault = createServer(({ url, headers }, response) => {
      const isKnown = url === '/v1/secret/data/signing-keys' && headers['x-vault-token'] === 't';
      response.statusCode = isKnown ? 200 : 403;
      response.end(JSON.stringify({ data: { data: ring, metadata: { version: 1 } } }));
    });
    await new Promise<void>(resolve => vault.listen(0, '127.0.0.1', resolve));
    const { VAULT_ADDR, VAULT_TOKEN } = process.env;
    try {
      process.env.VAULT_ADDR = `http://127.0.0.1:${(vault.address() as AddressInfo).port}`;
      process.env.VAULT_TOKEN = 't';
      const { signing } = await run(take(KEYS, 'VAULT_ADDR'));
      const ids = await idsOf(signing, () => {
        ring.two = secret('two');
      });
      expect(ids).toEqual([['one'], ['two', 'one']]);
    } finally {
      Object.assign(process.env, { VAULT_ADDR, VAULT_TOKEN });
      if (VAULT_ADDR === undefined) delete process.env.VAULT_ADDR;
      if (VAULT_TOKEN === undefined) delete process.env.VAULT_TOKEN;
      vault.closeAllConnections();
      await new Promise(resolve => vault.close(resolve));
    }
  });
});
