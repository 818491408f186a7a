import cluster from 'node:cluster';
import { connect } from 'node:net';
import { Injectable, Module, Scope, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DefaultEventAuthorizer } from '../../lib/auth/index.js';
import {
  EventAuthorizer,
  EventData,
  EventSigner,
  RateLimit,
  Roles,
  SecureGateway,
  SecurityAudit,
  SemanticEventsConfigError,
  SemanticEventsModule,
  type SemanticEventsOptions,
  SignedEvent,
  SkipRateLimit,
} from '../../lib/index.js';
import { DataGateway } from '../helpers/data.gateway.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import {
  FakeServer,
  RemoteConnectionStore,
  RemoteNonceStore,
  RemoteRateLimitStore,
} from '../helpers/failing-stores.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { freePort } from '../helpers/free-port.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { TestApp, type TestAppOptions } from '../helpers/test-app.js';

const GREEN = {
  audit: 'enforce',
  signing: { keys: [{ id: 'main', secret: EventSigner.generateKey() }] },
  auth: { jwt: { secret: EventSigner.generateKey(), audience: 'app', issuer: 'app' } },
  connection: { origins: ['https://myapp.com'], requireTls: true, trustProxy: 'loopback' },
} satisfies SemanticEventsOptions;

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class PlainGateway {
  @SubscribeMessage('open')
  open(@MessageBody() data: unknown) {
    return data;
  }

  @SubscribeMessage('with-role')
  @Roles('admin')
  withRole(@MessageBody() data: unknown) {
    return data;
  }

  @SubscribeMessage('signed')
  @SignedEvent()
  signed(@MessageBody() data: unknown) {
    return data;
  }

  @SubscribeMessage('event')
  event(@EventData() data: unknown) {
    return data;
  }
}

let log: LogLine[];

/** Creates an application whose log the test reads. */
function start(options: Partial<SemanticEventsOptions>, setup: Partial<TestAppOptions> = {}) {
  const prepare = () => {
    log = captureLog();
  };
  return TestApp.start({ gateways: [DemoGateway], prepare, options, ...setup });
}

const problemsOf = async (starting: Promise<unknown>) => {
  const error: unknown = await starting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SemanticEventsConfigError);
  return (error as SemanticEventsConfigError).problems.map(problem => problem.split(':')[0]);
};

const tables = () => log.filter(({ context }) => context === 'SecurityAudit');

const isOpen = (port: number) =>
  new Promise<boolean>(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => {
      resolve(false);
    });
  });

describe('an application', () => {
  describe('in production', () => {
    const { NODE_ENV } = process.env;
    beforeEach(() => {
      process.env.NODE_ENV = 'production';
    });
    afterEach(() => {
      process.env.NODE_ENV = NODE_ENV;
    });

    it('that passes the checklist starts and logs the whole checklist once', async () => {
      const app = await start(GREEN);
      expect(app.nest.get(SecurityAudit).run()).toMatchObject({ ok: true, counts: { fail: 0 } });
      expect(tables()).toHaveLength(1);
      expect(tables()[0]!.text).toMatch(/\n {2}PASS {2}adapter .*\n {2}PASS {2}tls /);
    });
  });

  it('in development logs only the failed items, marked as expected there', async () => {
    await start(GREEN);
    expect(tables()).toEqual([]);
    await start({ ...GREEN, audit: 'print', connection: { origins: ['http://myapp.com'] } });
    expect(tables()).toHaveLength(1);
    expect(tables()[0]!.text).toMatch(/expected in development/);
    expect(tables()[0]!.text).toMatch(/\n {2}FAIL {2}origins /);
    expect(tables()[0]!.text).not.toMatch(/ {2}(PASS|WARN) {2}/);
  });

  it('that fails the checklist does not start if that is enforced, and reports every item at once', async () => {
    const connection = { origins: ['http://myapp.com'], trustProxy: true, requireTls: false };
    expect(await problemsOf(start({ ...GREEN, connection }))).toEqual([
      'tls',
      'trust-proxy',
      'origins',
    ]);
  });

  it('with invalid options fails with one error that also lists failed items', async () => {
    const connection = { origins: ['no origin'], trustProxy: true, messageRate: -1 };
    expect(await problemsOf(start({ ...GREEN, connection, errors: 'verbose' }))).toEqual([
      'connection.messageRate must be a number above 0',
      expect.stringMatching(/^connection\.origins may name origins only/),
      'tls',
      'trust-proxy',
      'error-detail',
    ]);
  });

  it('with unvalidated handlers lists them together with the failed items', async () => {
    class Undecorated {}
    @WebSocketGateway({ path: '/unvalidated' })
    class UnvalidatedGateway {
      @SubscribeMessage('order')
      onOrder(@EventData() order: Undecorated) {
        return order;
      }
    }
    const starting = start(
      { ...GREEN, errors: 'verbose' },
      { gateways: [UnvalidatedGateway as Type] },
    );
    expect(await problemsOf(starting)).toEqual([
      expect.stringContaining('UnvalidatedGateway.onOrder'),
      'error-detail',
    ]);
  });

  it('starts whatever the result if the checklist is only logged or off', async () => {
    await start({ audit: 'print' });
    expect(tables()).toHaveLength(1);
    expect(tables()[0]).toMatchObject({ level: 'warn' });
    await start({ audit: 'off' });
    expect(tables()).toHaveLength(0);
  });

  it('with another adapter does not start', async () => {
    expect(await problemsOf(start(GREEN, { adapter: WsAdapter }))).toEqual(['adapter']);
  });

  it('that fails the checklist opens no port, not even one of a gateway', async () => {
    const port = await freePort();
    @WebSocketGateway(port, { path: '/own' })
    class OwnPortGateway {}
    const gateways: Type[] = [OwnPortGateway];
    const connection = { ...GREEN.connection, origins: ['http://myapp.com'] };
    await problemsOf(start({ ...GREEN, connection }, { gateways }));
    expect(await isOpen(port)).toBe(false);
    await start(GREEN, { gateways });
    expect(await isOpen(port)).toBe(true);
  });

  it('is checked with its current keys, not those of the start', async () => {
    const app = await start(GREEN);
    const rotation = () =>
      app.nest
        .get(SecurityAudit)
        .run()
        .items.filter(({ id }) => id.startsWith('key-'))
        .map(({ status, finding }) => `${status}: ${finding}`);
    app.nest
      .get(EventSigner)
      .rotate([{ id: 'weak', secret: 'a'.repeat(64) }, ...GREEN.signing.keys]);
    expect(rotation()).toEqual([
      'fail: Easy to guess: signing key weak',
      'pass: 2 keys are accepted',
    ]);
    app.nest.get(EventSigner).rotate([{ id: 'new', secret: EventSigner.generateKey() }]);
    expect(rotation()).toEqual([
      'pass: Every secret is long and looks random',
      'pass: One key is accepted',
    ]);
  });

  it('with several processes that do not share log-outs fails the checklist', async () => {
    const server = new FakeServer();
    const stores = {
      nonceStore: new RemoteNonceStore(server),
      rateLimitStore: new RemoteRateLimitStore(server),
      connectionStore: new RemoteConnectionStore(server),
    };
    const module = SemanticEventsModule.forRoot({ ...GREEN, monitoring: { nodes: 2 }, stores });
    const context = await NestFactory.createApplicationContext(module, { logger: false });
    const { items } = context.get(SecurityAudit).run();
    expect(items.find(({ id }) => id === 'stores')).toMatchObject({
      status: 'fail',
      finding: 'Several processes serve the application, and each keeps its own: log-outs',
    });
    await context.close();
  });

  it('without a server needs no checklist', async () => {
    const module = SemanticEventsModule.forRoot({ ...GREEN, connection: { trustProxy: true } });
    const context = await NestFactory.createApplicationContext(module, { logger: false });
    expect(context.get(SecurityAudit).run().ok).toBe(false);
    await context.close();
  });
});

describe('handlers without validation', () => {
  const unvalidated = async (...gateways: Type[]) => {
    const app = await start({ audit: 'off' }, { gateways });
    const { items } = app.nest.get(SecurityAudit).run();
    return /validated: (.*)$/.exec(items.find(({ id }) => id === 'validation')!.finding)?.[1];
  };

  it('are named, and no others', async () => {
    expect(await unvalidated(DataGateway)).toBe('DataGateway.any, DataGateway.record');
  });

  it('are found next to validated ones', async () => {
    @WebSocketGateway({ path: '/plain' })
    class PlainGateway {
      @SubscribeMessage('body')
      body(@MessageBody() data: unknown) {
        return data;
      }

      @SubscribeMessage('bare')
      bare(_socket: unknown, data: unknown) {
        return data;
      }

      @SubscribeMessage('nothing')
      nothing() {
        return 1;
      }
    }
    expect(await unvalidated(PlainGateway)).toBe('PlainGateway.body, PlainGateway.bare');
  });
});

describe('the checklist finds', () => {
  const findingOf = async (
    id: string,
    setup: Partial<TestAppOptions>,
    options: Partial<SemanticEventsOptions> = {},
  ) => {
    const app = await start({ audit: 'off', ...options }, setup);
    const item = app.nest
      .get(SecurityAudit)
      .run()
      .items.find(found => found.id === id);
    return `${item?.status}: ${item?.finding}`;
  };

  it('a clock for tests, which stands still: nothing would ever expire', async () => {
    expect(await findingOf('clock', { clock: new FakeClock() })).toMatch(/^fail: .*stands still/);
    expect(await findingOf('clock', {})).toMatch(/^pass/);
  });

  it('a gateway that two modules provide', async () => {
    class Other {}
    Module({ providers: [DemoGateway] })(Other);
    expect(await findingOf('gateways', { imports: [Other] })).toMatch(/^fail: .*DemoGateway/);
  });

  it('a request-scoped guard of the application, which Nest does not run before gateways', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class TenantGuard {
      canActivate() {
        return true;
      }
    }
    const providers = [{ provide: APP_GUARD, useClass: TenantGuard }];
    expect(await findingOf('global-guards', { providers })).toMatch(/^warn: .*TenantGuard/);
  });

  it('handlers without @SignedEvent() or @RateLimit()', async () => {
    expect(await findingOf('signed-events', {})).toMatch(/DemoGateway\.unsigned/);
    expect(await findingOf('signed-events', {})).not.toMatch(/DemoGateway\.echo\b/);
    expect(await findingOf('handler-limits', {})).toMatch(/DemoGateway\.echo\b/);
    expect(await findingOf('handler-limits', {})).not.toMatch(/DemoGateway\.limited/);
  });

  it('limits of handlers that limit nothing', async () => {
    @WebSocketGateway({ path: '/limits' })
    @RateLimit({ rate: 5 })
    class LimitsGateway {
      @SubscribeMessage('limited')
      limited() {
        return 1;
      }

      @SubscribeMessage('skipped')
      @SkipRateLimit()
      skipped() {
        return 1;
      }

      @SubscribeMessage('fast')
      @RateLimit({ rate: 1e9 })
      fast() {
        return 1;
      }

      @SubscribeMessage('bursting')
      @RateLimit({ rate: 1, burst: 1e9 })
      bursting() {
        return 1;
      }
    }
    expect(await findingOf('handler-limits', { gateways: [LimitsGateway as Type] })).toMatch(
      /: LimitsGateway\.skipped, LimitsGateway\.fast, LimitsGateway\.bursting$/,
    );
  });

  it('an HTTP server that accepts malformed requests, by its options or those of the process', async () => {
    const app = await start(GREEN);
    const isOk = () => app.nest.get(SecurityAudit).run().ok;
    const server = app.nest.getHttpServer() as { insecureHTTPParser?: boolean };
    const { NODE_OPTIONS } = process.env;
    expect(isOk()).toBe(true);
    server.insecureHTTPParser = true;
    expect(isOk()).toBe(false);
    server.insecureHTTPParser = false;
    process.env.NODE_OPTIONS = '--insecure-http-parser';
    try {
      expect(isOk()).toBe(false);
    } finally {
      if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = NODE_OPTIONS;
    }
  });

  it('handlers of plain messages that the EventAuthorizer of the application does not see', async () => {
    class Authorizer extends EventAuthorizer {
      canPublish() {
        return true;
      }
      canSubscribe() {
        return false;
      }
    }
    const own = (useClass: unknown) =>
      ({ providers: [{ provide: EventAuthorizer, useClass }] }) as Partial<SemanticEventsOptions>;
    const gateways = { gateways: [PlainGateway] };
    expect(await findingOf('plain-messages', gateways, own(Authorizer))).toMatch(
      /^warn: .*any client: PlainGateway\.open$/,
    );
    class Rooms extends DefaultEventAuthorizer {}
    expect(await findingOf('plain-messages', gateways, own(Rooms))).toMatch(/^pass/);
    expect(await findingOf('plain-messages', gateways)).toMatch(/^pass/);
  });

  it('fails where the environment turns off the verification of certificates', async () => {
    const app = await start(GREEN);
    const isOk = () => app.nest.get(SecurityAudit).run().ok;
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    expect(isOk()).toBe(true);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(isOk()).toBe(false);
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });

  it.each([
    ['pass', { NODE_APP_INSTANCE: '0', instances: '1' }],
    ['pass', { NODE_APP_INSTANCE: '0' }],
    ['fail', { NODE_APP_INSTANCE: '0', instances: '4' }],
    ['fail', { NODE_APP_INSTANCE: '3' }],
  ])('other processes of PM2: %s with %j', async (status, env) => {
    const before = { ...process.env };
    Object.assign(process.env, env);
    try {
      expect(await findingOf('stores', {})).toMatch(new RegExp(`^${status}`));
    } finally {
      process.env = before;
    }
  });

  it.each([
    ['fail', undefined, {}],
    ['pass', 1, {}],
    ['pass', 1, { NODE_APP_INSTANCE: '0' }],
    ['fail', 2, {}],
    ['fail', 1, { NODE_APP_INSTANCE: '1' }],
  ])(
    'other workers of a cluster: %s with monitoring.nodes %j and %j',
    async (status, nodes, env) => {
      const before = { ...process.env };
      Object.assign(process.env, env);
      Object.assign(cluster, { isWorker: true });
      try {
        const options = nodes === undefined ? {} : { monitoring: { nodes } };
        expect(await findingOf('stores', {}, options)).toMatch(new RegExp(`^${status}`));
      } finally {
        process.env = before;
        Object.assign(cluster, { isWorker: false });
      }
    },
  );
});
