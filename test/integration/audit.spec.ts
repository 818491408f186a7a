import { connect } from 'node:net';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  EventSigner,
  SecurityAudit,
  SemanticEventsConfigError,
  SemanticEventsModule,
  type SemanticEventsOptions,
} from '../../lib/index.js';
import { DataGateway } from '../helpers/data.gateway.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import {
  FakeServer,
  RemoteConnectionStore,
  RemoteNonceStore,
  RemoteRateLimitStore,
} from '../helpers/failing-stores.js';
import { freePort } from '../helpers/free-port.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { TestApp, type TestAppOptions } from '../helpers/test-app.js';

const GREEN = {
  audit: 'enforce',
  signing: { keys: [{ id: 'main', secret: EventSigner.generateKey() }] },
  auth: { jwt: { secret: EventSigner.generateKey(), audience: 'app', issuer: 'app' } },
  connection: { origins: ['https://myapp.com'], requireTls: true, trustProxy: 'loopback' },
} satisfies SemanticEventsOptions;

let log: LogLine[];

/** An application that logs to us. */
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
  it('that passes the checklist starts, with the checklist printed once', async () => {
    const app = await start(GREEN);
    expect(app.nest.get(SecurityAudit).run()).toMatchObject({ ok: true, counts: { fail: 0 } });
    expect(tables()).toHaveLength(1);
    expect(tables()[0]!.text).toMatch(/\n {2}PASS {2}adapter .*\n {2}PASS {2}tls /);
  });

  it('that fails it does not start where that is enforced, and is told all of it at once', async () => {
    const connection = { origins: ['http://myapp.com'], trustProxy: true, requireTls: false };
    expect(await problemsOf(start({ ...GREEN, connection }))).toEqual([
      'tls',
      'trust-proxy',
      'origins',
    ]);
  });

  it('starts whatever it says where it is only printed, or off', async () => {
    await start({ audit: 'print' });
    expect(tables()).toHaveLength(1);
    expect(tables()[0]).toMatchObject({ level: 'warn' });
    await start({ audit: 'off' });
    expect(tables()).toHaveLength(0);
  });

  it('on another adapter does not start', async () => {
    expect(await problemsOf(start(GREEN, { adapter: WsAdapter }))).toEqual(['adapter']);
  });

  it('that fails opens no port, not even one of a gateway', async () => {
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

  it('is looked at with the keys it uses, whatever it was started with', async () => {
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
      'fail: Can be guessed: signing key weak',
      'pass: 2 keys are accepted',
    ]);
    app.nest.get(EventSigner).rotate([{ id: 'new', secret: EventSigner.generateKey() }]);
    expect(rotation()).toEqual([
      'pass: Every secret is long and looks random',
      'pass: One key is accepted',
    ]);
  });

  it('of several processes that share all but the log-outs fails it', async () => {
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
      finding: 'One of several processes remembers by itself: log-outs',
    });
    await context.close();
  });

  it('that serves nobody needs no checklist', async () => {
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
    expect(await unvalidated(DataGateway)).toBe(
      ['bigint', 'function', 'string', 'date', 'list', 'record']
        .map(method => `DataGateway.${method}`)
        .join(', '),
    );
  });

  it('are found among ordinary ones, too', async () => {
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
