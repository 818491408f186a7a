import { readFileSync } from 'node:fs';
import { Controller, Get, type PipeTransform, type Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { load } from 'js-yaml';
import { WebSocket } from 'ws';
import {
  EventData,
  EventDataPipe,
  SecureGateway,
  type SemanticEventsModuleOptions,
  SessionRegistry,
  SignedEvent,
} from '../../lib/index.js';
import { SemanticEventsClient } from '../../lib/client/index.js';
import { DEFAULTS } from '../../lib/options/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { post } from '../helpers/http.js';
import { run, take } from '../helpers/run-block.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const answerTo = async (client: TestClient, type: string, data: unknown) => {
  client.emit(type, data);
  const frame = await client.next();
  return frame.type === 'error' ? frame.code : frame.event.data;
};

describe('docs/guides/authentication.md', () => {
  const start = async () => {
    const session = (id: string, roles: string[]) => ({
      id,
      userId: 'alice',
      roles,
      createdAt: new Date(),
      expiresAt: new Date(Date.now() + 60_000),
    });
    const known = new Map([
      ['first', session('session-1', ['admin'])],
      ['second', session('session-1', [])],
    ]);
    const { auth } = await run(take('docs/guides/authentication.md', 'validateToken'), {
      given: { sessions: { find: async (token: string) => known.get(token) } },
    });
    return TestApp.start({
      gateways: [DemoGateway],
      options: { auth: auth as SemanticEventsModuleOptions['auth'] },
    });
  };

  it('has a validateToken that accepts known tokens, and renews a session with its key', async () => {
    const app = await start();
    expect(await (await app.connect()).authenticate('other')).toHaveProperty('code', 'AUTH_FAILED');
    const client = await app.connect();
    const first = await client.authenticate('first');
    expect(first).toMatchObject({ type: 'auth_success', user_id: 'alice' });
    expect(await client.authenticate('second')).toMatchObject({
      type: 'auth_success',
      signing: first.signing,
    });
  });

  it('closes with 4401 when a renewal is rejected', async () => {
    const client = await (await start()).connect();
    await client.authenticate('first');
    expect(await client.authenticate('other')).toHaveProperty('code', 'AUTH_FAILED');
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  it('has a log-in route whose tokens its store knows', async () => {
    const PAGE = 'docs/guides/authentication.md';
    const { sessions } = await run(take(PAGE, 'newSession'));
    const given = { given: { sessions } };
    const { LoginController } = await run(take(PAGE, 'class LoginController'), given);
    const { auth } = await run(take(PAGE, 'validateToken'), given);
    class Routes {}
    const app = await TestApp.start({
      gateways: [DemoGateway],
      imports: [{ module: Routes, controllers: [LoginController as Type] }],
      options: { auth: auth as SemanticEventsModuleOptions['auth'] },
    });
    const logIn = (password: string) => post(app, '/login', { body: { user: 'alice', password } });
    expect((await logIn('wrong')).status).toBe(401);
    const { token } = (await logIn('demo')).body;
    const client = await app.connect();
    expect(await client.authenticate(token)).toMatchObject({ user_id: 'alice' });
    expect(await (await app.connect()).authenticate('other')).toHaveProperty('code', 'AUTH_FAILED');
  });

  it('has sessions that a log-out ends', async () => {
    const app = await start();
    const client = await app.connect();
    await client.authenticate('first');
    app.nest.get(SessionRegistry, { strict: false }).end('session-1');
    expect(await client.closed).toMatchObject({ code: 4403 });
    expect(await (await app.connect()).authenticate('first')).toHaveProperty('code', 'AUTH_FAILED');
  });
});

describe('docs/guides/validation.md', () => {
  const PAGE = 'docs/guides/validation.md';

  it('has a gateway that rejects unknown members and wrong values', async () => {
    const { TransferGateway } = await run(take(PAGE, "from 'zod'"));
    const client = await (await TestApp.start({ gateways: [TransferGateway] })).login();
    expect(await answerTo(client, 'transfer.send', { to: 'bob', amount: 5 })).toEqual({ sent: 5 });
    for (const data of [
      { to: 'bob', amount: -5 },
      { to: 'bob', amount: 5, from: 'eve' },
    ])
      expect(await answerTo(client, 'transfer.send', data)).toBe('INVALID_EVENT');
  });

  it('has a schema of valibot that does the same', async () => {
    const { Transfer } = await run(take(PAGE, "from 'valibot'"));
    const pipe = new EventDataPipe(Transfer);
    const check = async (value: unknown) => pipe.transform(value, { type: 'custom' });
    expect(await check({ to: 'bob', amount: 5 })).toEqual({ to: 'bob', amount: 5 });
    for (const data of [
      { to: 'bob', amount: -5 },
      { to: 'bob', amount: 5, from: 'eve' },
    ])
      await expect(check(data)).rejects.toMatchObject({ code: 'INVALID_EVENT' });
  });

  it('has a class whose nested objects are validated, and a pipe that rejects unknown members', async () => {
    const { TransferDto } = await run(take(PAGE, 'class TransferDto'));
    const [, code = ''] =
      /`@EventData\((new ValidationPipe\(.*?\))\)`/.exec(readFileSync(PAGE, 'utf8')) ?? [];
    const { pipe } = await run(
      { page: PAGE, line: 0, language: 'ts', code },
      {
        within: shown =>
          `import { ValidationPipe } from '@nestjs/common';\nexport const pipe = ${shown};`,
      },
    );

    class TransferGateway {
      send({ amount }: { amount: number }) {
        return { sent: amount };
      }
      strict({ amount }: { amount: number }) {
        return { sent: amount };
      }
    }
    const declare = (method: 'send' | 'strict', decorator: ParameterDecorator) => {
      const { prototype } = TransferGateway;
      decorator(prototype, method, 0);
      Reflect.defineMetadata('design:paramtypes', [TransferDto], prototype, method);
      const descriptor = Object.getOwnPropertyDescriptor(prototype, method)!;
      SubscribeMessage(`transfer.${method}`)(prototype, method, descriptor);
      SignedEvent()(prototype, method, descriptor);
    };
    declare('send', EventData());
    declare('strict', EventData(pipe as PipeTransform));
    SecureGateway()(TransferGateway);
    WebSocketGateway({ path: '/events' })(TransferGateway);

    const client = await (await TestApp.start({ gateways: [TransferGateway] })).login();
    const transfer = { to: 'bob', amount: 5, fees: [{ amount: 1 }] };
    expect(await answerTo(client, 'transfer.send', transfer)).toEqual({ sent: 5 });
    expect(await answerTo(client, 'transfer.strict', transfer)).toEqual({ sent: 5 });
    const extra = { ...transfer, from: 'eve' };
    expect(await answerTo(client, 'transfer.send', extra)).toEqual({ sent: 5 });
    expect(await answerTo(client, 'transfer.strict', extra)).toBe('REJECTED');
    const unpaid = { ...transfer, fees: [{ amount: -1 }] };
    expect(await answerTo(client, 'transfer.send', unpaid)).toBe('INVALID_EVENT');
  });
});

describe('docs/guides/errors.md', () => {
  it('has a gateway and a client that agree on what went wrong', async () => {
    const stock = {
      count: async (item: string) => {
        if (item === 'unknown') throw new Error('the database is down');
        return item === 'book' ? 3 : 0;
      },
    };
    const { StockGateway } = await run(take('docs/guides/errors.md', 'class StockGateway'), {
      given: { stock },
    });
    const app = await TestApp.start({ gateways: [StockGateway] });
    const { reserve } = await run(take('docs/guides/errors.md', 'function reserve'));
    const client = new SemanticEventsClient({
      url: `ws://127.0.0.1:${app.port}/events`,
      getToken: () => tokenFor('alice'),
      WebSocket,
    });
    await client.connect();
    expect(await reserve(client, 'book')).toBe('reserved');
    expect(await reserve(client, 'pen')).toBe('sold out');
    expect(await reserve(client, 'sample-1')).toBe('not possible (FORBIDDEN)');
    expect(await reserve(client, 'unknown')).toBe('try again later');
    client.close();
  });
});

describe('docs/guides/global-guards.md', () => {
  const PAGE = 'docs/guides/global-guards.md';

  it('has a throttler for HTTP and for events', async () => {
    const { ThrottlingModule } = await run(take(PAGE, 'class ThrottlingModule'), {
      change: [['limit: 100', 'limit: 2']],
    });
    const app = await TestApp.start({
      gateways: [DemoGateway],
      imports: [ThrottlingModule as Type],
    });
    const client = await app.login();
    expect(await answerTo(client, 'demo.echo', 1)).toBe(1);
    expect(await answerTo(client, 'demo.echo', 2)).toBe(2);
    expect(await answerTo(client, 'demo.echo', 3)).toBe('RATE_LIMITED');
  });

  it('has a global guard that protects routes, but neither the log-in nor events', async () => {
    const { MyHttpGuard } = await run(take('docs/guides/tickets.md', 'class MyHttpGuard'));
    const guards = await run(take(PAGE, 'class HttpAuthGuard'), { given: { MyHttpGuard } });
    const { HttpAuthGuard, WithoutToken } = guards;
    const { AppModule } = await run(take(PAGE, 'class AppModule'), {
      given: { HttpAuthGuard, WithoutToken, MyHttpGuard, OrderGateway: DemoGateway },
    });
    @Controller('orders')
    class OrderController {
      @Get()
      list() {
        return [];
      }
    }
    class Routes {}
    const environment = { ...process.env };
    Object.assign(process.env, { SIGNING_KEY: '5'.repeat(64), JWT_SECRET: '6'.repeat(64) });
    try {
      const app = await TestApp.start({
        gateways: [],
        module: { module: AppModule as Type },
        imports: [{ module: Routes, controllers: [OrderController] }],
      });
      const logIn = (password: string) =>
        post(app, '/login', { body: { user: 'alice', password } });
      expect((await logIn('wrong')).status).toBe(401);
      const headers = { authorization: `Bearer ${(await logIn('demo')).body.token}` };
      const orders = async (given = {}) =>
        (await fetch(`http://127.0.0.1:${app.port}/orders`, { headers: given })).status;
      expect([await orders(), await orders(headers)]).toEqual([401, 200]);
      expect((await post(app, '/auth/ticket')).status).toBe(401);
      const { ticket } = (await post(app, '/auth/ticket', { headers })).body;
      const client = await app.connect();
      await client.authenticate(ticket);
      expect(await answerTo(client, 'demo.echo', 1)).toBe(1);
    } finally {
      process.env = environment;
    }
  });
});

it('docs/operating.md has a module whose routes are the probes of its deployment', async () => {
  const { HealthModule } = await run(take('docs/operating.md', 'class HealthModule'));
  const app = await TestApp.start({ gateways: [DemoGateway], imports: [HealthModule as Type] });
  const bodyOf = async (path: string) =>
    (await fetch(`http://127.0.0.1:${app.port}${path}`)).json() as Promise<Json>;
  expect(await bodyOf('/health')).toMatchObject({ status: 'ok', info: { gateway: {} } });
  expect(await bodyOf('/live')).toEqual({ status: 'ok' });
});

describe('docs/operating.md: Kubernetes', () => {
  const seconds = (milliseconds: number) => milliseconds / 1_000;

  it('has a deployment that waits for the longest shutdown', () => {
    const { code } = take('docs/operating.md', 'kind: Deployment');
    const { terminationGracePeriodSeconds, containers, volumes } = (load(code) as Json).spec
      .template.spec;
    const [{ lifecycle, volumeMounts, readinessProbe, livenessProbe }] = containers;
    const preStop = Number(lifecycle.preStop.exec.command[1]);
    const shutdown = preStop + 3 * seconds(DEFAULTS.connection.shutdownTimeout);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(shutdown);
    expect(livenessProbe.httpGet.path).not.toBe(readinessProbe.httpGet.path);
    expect(volumeMounts.map(({ name }: { name: string }) => name)).toEqual(
      volumes.map(({ name }: { name: string }) => name),
    );
  });

  it('has an ingress whose timeouts are longer than two heartbeats', () => {
    const { code } = take('docs/operating.md', 'kind: Ingress');
    const { annotations } = (load(code) as Json).metadata;
    const timeouts = Object.entries(annotations).filter(([name]) => name.endsWith('-timeout'));
    expect(timeouts).toHaveLength(2);
    for (const [, timeout] of timeouts)
      expect(Number(timeout)).toBeGreaterThan(2 * seconds(DEFAULTS.connection.heartbeatInterval));
  });
});
