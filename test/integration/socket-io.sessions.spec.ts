import { jest } from '@jest/globals';
import { Subject } from 'rxjs';
import { Manager } from 'socket.io-client';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { InMemoryConnectionStore } from '../../lib/connection/index.js';
import {
  ConnectionManager,
  ConnectionStore,
  SessionRegistry,
  TicketService,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { ClosedGateway, RoomGateway } from '../helpers/io.gateways.js';
import { tokenFor } from '../helpers/test-app.js';

const start = (options = {}, more = {}) => startIo({ gateways: [DemoGateway], options, ...more });
const gone = { reason: 'io server disconnect' };

describe('a session over Socket.IO', () => {
  it('begins with a ticket as with a token', async () => {
    const app = await start();
    const { ticket } = app.nest.get(TicketService).issue({ id: 'alice' }, { address: '127.0.0.1' });
    const client = IoClient.open(app.port, { auth: { token: ticket } });
    expect((await client.next('auth_success')).user_id).toBe('alice');
  });

  it('begins later with an auth event if there is a public namespace to connect to', async () => {
    const client = IoClient.open((await start()).port);
    client.socket.emit('auth', { token: tokenFor('alice') });
    expect((await client.next('auth_success')).user_id).toBe('alice');
    client.send(client.event('demo.echo', 1));
    expect((await client.next('demo.echo.reply')).data).toBe(1);
  });

  it('is renewed by an auth event, but not as another user', async () => {
    const app = await start();
    const client = await IoClient.login(app);
    client.socket.emit('auth', { token: tokenFor('alice') });
    await client.next('auth_success');
    client.socket.emit('auth', { token: tokenFor('bob') });
    expect((await client.next('exception')).code).toBe('AUTH_FAILED');
    expect(await client.next('disconnect')).toEqual(gone);
  });

  it('that expires closes the connection after a warning', async () => {
    const clock = new FakeClock();
    const validateToken = () => ({ id: 'alice', expiresAt: clock.now() + 60_000 });
    const app = await start({ auth: { validateToken } }, { clock });
    const client = IoClient.open(app.port, { auth: { token: 'any' } });
    await client.next('auth_success');
    clock.advance(30_000);
    expect(await client.next('auth_expiring')).toEqual({ expires_in: 30 });
    clock.advance(30_000);
    expect((await client.next('exception')).code).toBe('SESSION_EXPIRED');
    expect(await client.next('disconnect')).toEqual(gone);
  });

  it.each<[string, (client: ConnectionManager) => unknown]>([
    ['a user', manager => manager.disconnectUser('alice')],
    ['a session', manager => manager.disconnectSession('one')],
    ['a client', manager => manager.disconnect(manager.list()[0]!.id)],
  ])('is closed by disconnecting %s', async (_, disconnect) => {
    const app = await start();
    const manager = app.nest.get(ConnectionManager);
    const client = IoClient.open(app.port, { auth: { token: tokenFor('alice', { sid: 'one' }) } });
    await client.next('auth_success');
    expect(disconnect(manager)).toBeTruthy();
    expect((await client.next('exception')).code).toBe('REVOKED');
    expect(await client.next('disconnect')).toEqual(gone);
    await eventually(() => manager.count === 0);
  });

  it('that is refused in one namespace is refused in the others with the same code', async () => {
    const app = await start({}, { gateways: [ClosedGateway, RoomGateway] });
    const manager = new Manager(`http://127.0.0.1:${app.port}`, {
      path: '/events',
      transports: ['websocket'],
      reconnection: false,
    });
    const clients = ['/closed', '/room-1', '/room-2'].map(
      namespace => new IoClient(manager.socket(namespace, {})),
    );
    for (const client of clients)
      expect((await client.next('connect_error')).code).toBe('UNAUTHENTICATED');
    for (const { socket } of clients) socket.disconnect();
  });

  it('that has ended rejects its token', async () => {
    const app = await start();
    app.nest.get(SessionRegistry).end('one');
    const client = IoClient.open(app.port, { auth: { token: tokenFor('alice', { sid: 'one' }) } });
    expect((await client.next('connect_error')).code).toBe('AUTH_FAILED');
  });

  it('uses one connection slot of its user, who is rejected when all are in use', async () => {
    const app = await start({ connection: { maxConnectionsPerUser: 1 } });
    const first = await IoClient.login(app);
    const auth = { token: tokenFor('alice') };
    expect((await IoClient.open(app.port, { auth }).next('connect_error')).code).toBe(
      'RATE_LIMITED',
    );
    await IoClient.login(app, 'bob');
    first.socket.disconnect();
    await eventually(() => app.nest.get(ConnectionManager).count === 1);
    await IoClient.login(app);
  });

  it('that never begins closes the connection at the deadline', async () => {
    const clock = new FakeClock();
    const app = await start({}, { clock });
    const client = IoClient.open(app.port);
    await eventually(() => client.socket.connected);
    clock.advance(10_000);
    expect((await client.next('exception')).code).toBe('AUTH_TIMEOUT');
    expect((await client.next('disconnect')).reason).toBe('transport close');
  });

  it('whose token validation never answers ends at the deadline, and leaves nothing behind', async () => {
    const clock = new FakeClock();
    let isAsked = false;
    const validateToken = () => {
      isAsked = true;
      return new Promise<never>(() => undefined);
    };
    const app = await startIo({
      gateways: [ClosedGateway],
      clock,
      options: { auth: { validateToken } },
    });
    const client = IoClient.open(app.port, { namespace: '/closed', auth: { token: 'any' } });
    const manager = app.nest.get(ConnectionManager);
    await eventually(() => isAsked);
    expect(manager.count).toBe(1);
    clock.advance(10_000);
    expect((await client.next('connect_error')).code).toBe('UNAVAILABLE');
    await eventually(() => manager.count === 0);
    const namespace: unknown = app.nest.get(ClosedGateway).server;
    const { _preConnectSockets: waiting, sockets } = namespace as Record<
      '_preConnectSockets' | 'sockets',
      Map<string, object>
    >;
    expect(waiting.size + sockets.size).toBe(0);
  });

  it('that is idle closes the connection so that the client reconnects', async () => {
    const clock = new FakeClock();
    const app = await start({ connection: { idleTimeout: 60_000 } }, { clock });
    const client = await IoClient.login(app);
    clock.advance(59_999);
    client.send(client.event('demo.promise'));
    await client.next('demo.promise.reply');
    clock.advance(59_999);
    await new Promise(resolve => setTimeout(resolve, 250));
    expect(client.socket.connected).toBe(true);
    clock.advance(1);
    expect((await client.next('exception')).code).toBe('IDLE_TIMEOUT');
    expect((await client.next('disconnect')).reason).toBe('transport close');
  });
});

describe('at shutdown', () => {
  it('handlers of Socket.IO finish and reply, and every slot is released once', async () => {
    const answers = new Subject<string>();
    @WebSocketGateway({ path: '/events' })
    class Slow {
      @SubscribeMessage('slow')
      slow() {
        return new Promise(resolve => answers.subscribe(resolve));
      }
    }
    const app = await startIo({ gateways: [Slow] });
    const store = app.nest.get<InMemoryConnectionStore>(ConnectionStore);
    const released = jest.spyOn(store, 'release');
    const client = await IoClient.login(app);
    const idle = await IoClient.login(app, 'bob');
    const answered = client.socket.emitWithAck('slow');
    await eventually(() => answers.observed);
    const closed = app.nest.close();
    await idle.next('disconnect');
    client.socket.emit('slow');
    answers.next('done');
    expect(await answered).toBe('done');
    expect((await client.next('exception')).code).toBe('SERVER_SHUTDOWN');
    expect((await client.next('disconnect')).reason).toBe('transport close');
    await closed;
    await eventually(() => store.size === 0);
    expect(released).toHaveBeenCalledTimes(2);
  });
});
