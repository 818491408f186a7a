import { Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, SecureGateway } from '../../lib/index.js';
import { eventually } from '../helpers/eventually.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { ODD_ERRORS } from '../helpers/odd-errors.js';
import { TestApp } from '../helpers/test-app.js';

@Injectable({ scope: Scope.REQUEST })
class PerConnection {}

/** The behavior of the hooks; each test sets it. */
let connecting: () => unknown = () => undefined;
let leaving: () => unknown = () => undefined;

function gatewayOf(kind: 'methods' | 'fields' | 'none', isSecure = true): Type {
  abstract class Base {
    @SubscribeMessage('ping')
    @Public()
    ping() {
      return 'pong';
    }
  }
  class WithMethods extends Base {
    constructor(@Inject(PerConnection) readonly own: unknown) {
      super();
    }
    handleConnection() {
      return connecting();
    }
    handleDisconnect() {
      return leaving();
    }
  }
  class WithFields extends Base {
    readonly handleConnection = () => connecting();
    readonly handleDisconnect = () => leaving();
    constructor(@Inject(PerConnection) readonly own: unknown) {
      super();
    }
  }
  class Without extends Base {
    constructor(@Inject(PerConnection) readonly own: unknown) {
      super();
    }
  }
  const gateway = { methods: WithMethods, fields: WithFields, none: Without }[kind];
  if (isSecure) SecureGateway()(gateway);
  WebSocketGateway({ path: '/events' })(gateway);
  return gateway;
}

let log: LogLine[] = [];
const setup = (gateway: Type, make: () => unknown = () => ({})) => ({
  gateways: [gateway],
  providers: [{ provide: PerConnection, scope: Scope.REQUEST, useFactory: make }],
  prepare: () => {
    log = captureLog();
  },
});
const errors = () => log.filter(({ level }) => level === 'error').length;
const failures = {
  throws: () => {
    throw new Error('from a hook');
  },
  rejects: async () => {
    throw new Error('from a hook');
  },
};

beforeEach(() => {
  connecting = leaving = () => undefined;
});

describe.each(['methods', 'fields'] as const)('hooks of a request-scoped gateway, as %s', kind => {
  it.each(Object.entries(failures))(
    'close their connection with INTERNAL, and nothing else, if one %s',
    async (_, fail) => {
      const app = await TestApp.start(setup(gatewayOf(kind)));
      connecting = fail;
      const client = await app.connect();
      await client.closed;
      expect((await client.next()).code).toBe('INTERNAL');
      expect(errors()).toBe(1);
      connecting = () => undefined;
      leaving = fail;
      (await app.login()).terminate();
      await eventually(() => errors() === 2);
      await app.login();
    },
  );

  it('close a Socket.IO connection alike', async () => {
    const app = await startIo(setup(gatewayOf(kind)));
    connecting = failures.rejects;
    const client = await IoClient.login(app);
    expect((await client.next('exception')).code).toBe('INTERNAL');
    await client.next('disconnect');
  });

  it('are called on the instance of their connection', async () => {
    const seen: unknown[] = [];
    connecting = () => seen.push('connected');
    const app = await TestApp.start(setup(gatewayOf(kind)));
    await app.login();
    await eventually(() => seen.length === 1);
  });
});

describe.each([
  ['a @SecureGateway()', true],
  ['any other gateway', false],
])('a provider of %s that cannot be created for a connection', (_, isSecure) => {
  it.each(['methods', 'none'] as const)('closes that connection (hooks: %s)', async kind => {
    const app = await TestApp.start(
      setup(gatewayOf(kind, isSecure), () => Promise.reject(new Error('the database is away'))),
    );
    const client = await app.connect();
    await client.closed;
    expect((await client.next()).code).toBe('INTERNAL');
    await app.connect();
  });
});

describe('an error that cannot be described', () => {
  it.each(Object.entries(ODD_ERRORS))(
    'from a hook closes its own connection only: %s',
    async (_, make) => {
      const app = await TestApp.start(setup(gatewayOf('methods')));
      connecting = () => {
        throw make();
      };
      await (
        await app.connect()
      ).closed;
      connecting = () => undefined;
      await app.login();
    },
  );
});
