import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type INestApplication, Logger } from '@nestjs/common';
import { ConnectionManager, EventSigner } from '../../lib/index.js';
import { createApp } from '../../sample/01-quickstart/create-app.js';
import { captureLog } from '../helpers/log-capture.js';
import { describeWithProxy, type Proxy, PROXY_NAMES, startProxy } from '../helpers/proxies.js';
import { type Json, TestClient } from '../helpers/test-client.js';

/** The environment variables that docs/operating.md requires for production. */
const SECRETS = {
  SEMANTIC_EVENTS_KEYS: `2026-11:${EventSigner.generateKey()}`,
  JWT_SECRET: EventSigner.generateKey(),
};
const PRODUCTION = documentedEnvironment();

/** The settings of the page, with secrets filled in. */
function documentedEnvironment(): Record<string, string> {
  const page = readFileSync('docs/operating.md', 'utf8');
  const settings = [...page.matchAll(/^ {4}([A-Z_]+)=(.*?)(?: +#.*)?$/gm)].map(
    ({ 1: name = '', 2: value = '' }) => [name, value] as const,
  );
  expect(settings).toHaveLength(6);
  const environment = Object.fromEntries(settings);
  expect(environment.SEMANTIC_EVENTS_KEYS).toBe('2026-11:<npm run -s keygen>');
  expect(environment.JWT_SECRET).toBe('<another one>');
  return { ...environment, ...SECRETS };
}

let app: INestApplication | undefined;
let proxy: Proxy | undefined;
const { NODE_ENV } = process.env;

beforeEach(() => {
  process.env.NODE_ENV = 'production';
});

beforeEach(() => {
  captureLog();
});

afterEach(async () => {
  process.env.NODE_ENV = NODE_ENV;
  proxy?.stop();
  await app?.close();
  app = proxy = undefined;
});

const create = async (env: Record<string, string>) => {
  const created = await createApp({ ...env, NODE_ENV: 'production' });
  Logger.overrideLogger(false);
  return (app = created.app);
};

/** Sends a request through the proxy, whose certificate is self-signed. */
async function ask(
  port: number,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: object },
): Promise<Json> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const options = { host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false };
    request(options, answer => {
      resolve(json(answer));
    })
      .on('error', reject)
      .end(body && JSON.stringify(body));
  });
}

/** The items that fail with the defaults. */
const UNSAFE = ['trust-proxy: TLS is required', 'origins: Pages without TLS may connect'];

/** Runs the quickstart as a process of its own. */
function runQuickstart(env: Record<string, string>) {
  const register = join(process.cwd(), 'sample', 'run-typescript', 'register.js');
  const main = join(process.cwd(), 'sample', '01-quickstart', 'main.ts');
  return spawnSync(process.execPath, ['--import', register, main], {
    env: { ...env, PATH: process.env.PATH },
    encoding: 'utf8',
    timeout: 40_000,
  });
}

async function errorOf(starting: Promise<unknown>): Promise<string> {
  return starting.then(
    () => '',
    (error: unknown) => String(error),
  );
}

describe('the quickstart in production', () => {
  it('does not start with its defaults, and names missing secrets and failed items at once', async () => {
    const error = await errorOf(create({}));
    for (const name of ['SEMANTIC_EVENTS_KEYS', 'JWT_SECRET', 'trust-proxy:', 'origins:'])
      expect(error).toContain(name);
  });

  it('does not start with secrets only, and names every failed item', async () => {
    const starting = (await create(SECRETS)).listen(0, '127.0.0.1');
    expect(await errorOf(starting)).toMatch(/trust-proxy: .*\n.*origins: /);
    expect(app!.getHttpServer().listening).toBe(false);
  });

  it.each([
    ['its defaults', {}, ['SEMANTIC_EVENTS_KEYS must', 'JWT_SECRET must', ...UNSAFE]],
    ['secrets only', SECRETS, UNSAFE],
  ])('with %s exits, and prints each failed item once', (_, env, items) => {
    const { status, stdout, stderr } = runQuickstart({ ...env, NODE_ENV: 'production', PORT: '0' });
    expect(status).toBe(1);
    for (const item of items) expect((stdout + stderr).split(item)).toHaveLength(2);
  });
});

for (const name of PROXY_NAMES)
  describeWithProxy(name)(`the quickstart in production behind ${name}`, () => {
    it('with the documented settings passes all but its unsigned handler, and sees real addresses', async () => {
      await (await create(PRODUCTION)).listen(0, '127.0.0.1');
      proxy = await startProxy(name, (app!.getHttpServer().address() as AddressInfo).port);
      const login = await ask(proxy.port, 'POST', '/auth/login', {
        body: { user: 'alice', password: 'demo' },
      });
      const token = login.access_token as string;
      const report = await ask(proxy.port, 'GET', '/security/audit', { token });
      expect(report.items.filter(({ status }: Json) => status !== 'pass')).toMatchObject([
        {
          id: 'signed-events',
          status: 'warn',
          finding: expect.stringMatching(/: DemoGateway\.plain$/),
        },
      ]);
      expect(report.counts).toMatchObject({ warn: 1, fail: 0 });
      const bob = await ask(proxy.port, 'POST', '/auth/login', {
        body: { user: 'bob', password: 'demo' },
      });
      for (const [other, statusCode] of [
        [bob.access_token as string, 403],
        [undefined, 401],
      ] as const)
        expect(await ask(proxy.port, 'GET', '/security/audit', { token: other })).toMatchObject({
          statusCode,
        });

      const client = await TestClient.connect(`wss://127.0.0.1:${proxy.port}/events`, {
        rejectUnauthorized: false,
        localAddress: '127.0.0.9',
        origin: 'https://myapp.com',
        headers: { 'x-forwarded-for': '203.0.113.66' },
      });
      expect((await client.authenticate(token)).type).toBe('auth_success');
      client.emit('demo.echo', 'through a proxy');
      expect((await client.next()).event.data).toBe('through a proxy');
      expect(
        app!
          .get(ConnectionManager)
          .list()
          .map(({ address }) => address),
      ).toEqual(['127.0.0.9']);
      client.terminate();

      const direct = `ws://127.0.0.1:${(app!.getHttpServer().address() as AddressInfo).port}/events`;
      expect((await TestClient.refusal(direct)).body.code).toBe('TLS_REQUIRED');
    });
  });
