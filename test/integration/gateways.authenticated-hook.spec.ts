import { Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  type Client,
  type OnGatewayAuthenticated,
  Public,
  RefusalError,
  SecureGateway,
} from '../../lib/index.js';
import { eventually } from '../helpers/eventually.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

interface Call {
  readonly gateway: string;
  readonly user: unknown;
  readonly socket: unknown;
  readonly instance: unknown;
}

let calls: Call[] = [];
let connected: unknown[] = [];
let fail: (() => unknown) | undefined;
let log: LogLine[] = [];

abstract class Hooked implements OnGatewayAuthenticated {
  handleConnection() {
    connected.push(this);
  }

  handleAuthenticated(client: Client, socket: unknown) {
    const { name } = this.constructor;
    calls.push({ gateway: name, user: client.user?.id, socket, instance: this });
    return fail?.();
  }

  @SubscribeMessage('echo')
  echo() {
    return 'works';
  }
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class First extends Hooked {}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class Second extends Hooked {}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class Open extends Hooked {
  @SubscribeMessage('hello')
  @Public()
  hello() {
    return 'hello';
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerConnection {}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class Scoped extends Hooked {
  constructor(@Inject(PerConnection) readonly own: unknown) {
    super();
  }
}

const setup = (...gateways: Type[]) => ({
  gateways,
  providers: [PerConnection],
  prepare: () => {
    log = captureLog();
  },
});
const failures: [string, () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('from the hook');
    },
  ],
  ['rejects', async () => Promise.reject(new Error('from the hook'))],
];

beforeEach(() => {
  calls = [];
  connected = [];
  fail = undefined;
});

describe('handleAuthenticated over ws', () => {
  it('is called once per session, with the user, and not before authentication', async () => {
    const app = await TestApp.start(setup(First));
    const client = await app.connect();
    await eventually(() => connected.length === 1);
    expect(calls).toHaveLength(0);
    await client.authenticate(tokenFor('alice'));
    await eventually(() => calls.length === 1);
    expect(calls[0]).toMatchObject({ gateway: 'First', user: 'alice' });
    // Renews the session.
    await client.authenticate(tokenFor('alice'));
    client.emit('echo');
    await client.next();
    expect(calls).toHaveLength(1);
    await app.login('bob');
    await eventually(() => calls.length === 2);
    expect(calls[1]?.user).toBe('bob');
  });

  it('is not called for a rejected token or for a connection that ends before', async () => {
    const app = await TestApp.start(setup(First));
    const refused = await app.connect();
    expect((await refused.authenticate('no token')).code).toBe('AUTH_FAILED');
    (await app.connect()).terminate();
    await app.login('alice');
    await eventually(() => calls.length === 1);
    expect(calls[0]?.user).toBe('alice');
  });

  it('is called in each gateway that shares the path', async () => {
    const app = await TestApp.start(setup(First, Second));
    await app.login();
    await eventually(() => calls.length === 2);
    expect(calls.map(({ gateway }) => gateway).sort()).toEqual(['First', 'Second']);
  });

  it("runs in the connection's instance of a request-scoped gateway", async () => {
    const app = await TestApp.start(setup(Scoped));
    await app.login('alice');
    await app.login('bob');
    await eventually(() => calls.length === 2);
    expect(calls.map(({ instance }) => instance)).toEqual(connected);
    expect(calls[0]?.instance).not.toBe(calls[1]?.instance);
  });

  it.each(failures)('that %s is logged, and ends its own connection only', async (_, error) => {
    const app = await TestApp.start(setup(First));
    const other = await app.login('other');
    await eventually(() => calls.length === 1);
    fail = error;
    const client = await app.connect();
    await client.authenticate(tokenFor('alice'));
    const frame = await client.next();
    expect(frame.code).toBe('INTERNAL');
    expect(JSON.stringify(frame)).not.toMatch(/from the hook/);
    await client.closed;
    expect(log.filter(({ text }) => /from the hook/.test(text))).toHaveLength(1);
    other.emit('echo');
    expect((await other.next()).event.data).toBe('works');
  });
});

it('handleAuthenticated that fails during a store outage asks the client to reconnect', async () => {
  const app = await TestApp.start(setup(First));
  fail = () => {
    throw new RefusalError('UNAVAILABLE');
  };
  const client = await app.connect();
  await client.authenticate(tokenFor('alice'));
  expect((await client.next()).code).toBe('UNAVAILABLE');
  expect(await client.closed).toMatchObject({ code: 1013 });
});

describe('handleAuthenticated over Socket.IO', () => {
  it('is called once for a client that connects with a token, and not on renewal', async () => {
    const app = await startIo(setup(First));
    const client = await IoClient.login(app, 'alice');
    await eventually(() => calls.length === 1);
    expect(calls[0]?.user).toBe('alice');
    client.socket.emit('auth', { token: tokenFor('alice') });
    await client.next('auth_success');
    expect(calls).toHaveLength(1);
  });

  it('is called later for a client that connected without a token', async () => {
    const app = await startIo(setup(Open));
    const client = IoClient.open(app.port);
    await eventually(() => connected.length === 1);
    expect(calls).toHaveLength(0);
    client.socket.emit('auth', { token: tokenFor('alice') });
    await client.next('auth_success');
    await eventually(() => calls.length === 1);
    expect(calls[0]?.user).toBe('alice');
  });

  it.each(failures)('that %s ends its own connection only', async (_, error) => {
    const app = await startIo(setup(First));
    const other = await IoClient.login(app, 'other');
    await eventually(() => calls.length === 1);
    fail = error;
    const client = IoClient.open(app.port, { auth: { token: tokenFor('alice') } });
    expect((await client.next('exception')).code).toBe('INTERNAL');
    await client.next('disconnect');
    expect(await other.settled()).toEqual([]);
  });
});
