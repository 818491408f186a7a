import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { io as connectTo } from 'socket.io-client';
import {
  Clock,
  EventMesh,
  type SemanticEvent,
  SemanticEventsAdapter,
  SemanticEventsModule,
} from 'nestjs-semantic-events';
import { SemanticEventsIoAdapter } from 'nestjs-semantic-events/socket.io';
import {
  EventTestClient,
  FakeClock,
  issueTicket,
  RefusedError,
} from 'nestjs-semantic-events/testing';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { RING_KEY } from '../helpers/test-app.js';

let app: INestApplication;
let clock: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  const module = await Test.createTestingModule({
    imports: [
      SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { validateToken: () => null },
        connection: { origins: ['https://myapp.com'] },
        audit: 'off',
      }),
    ],
    providers: [DemoGateway],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .compile();
  app = module.createNestApplication({ logger: false });
  app.useWebSocketAdapter(new SemanticEventsAdapter(app));
});

afterEach(() => app.close());

const login = () => EventTestClient.login(app, { id: 'alice', roles: ['admin'] });
const refusal = (code: string) => expect.objectContaining({ name: 'RefusedError', code });

describe('EventTestClient', () => {
  it('starts the application, logs in with a ticket, signs, and verifies the reply', async () => {
    const client = await login();
    const reply = await client.request('demo.echo', { a: 1 });
    expect(reply).toMatchObject({ type: 'demo.echo.reply', data: { a: 1 } });
    expect(client.verifies(reply)).toBe(true);
    expect(client.verifies({ ...reply, data: { a: 2 } })).toBe(false);
    await client.close();
  });

  it('supports bare CloudEvents', async () => {
    const client = await EventTestClient.login(app, { id: 1 }, { protocol: 'cloudevents.json' });
    expect(await client.request('demo.echo', 1)).toMatchObject({ data: 1 });
  });

  it('throws rejections of the server with their code', async () => {
    const client = await login();
    const event = client.emit('demo.echo', 1);
    await client.next();
    await expect(client.request('demo.echo', 1, event)).rejects.toEqual(refusal('REPLAY_DETECTED'));
    await expect(client.request('demo.refuses')).rejects.toThrow(RefusedError);
  });

  it("uses the application's clock, so that tests do not wait for limits", async () => {
    const client = await login();
    const event = client.event('demo.echo', 1);
    clock.advance(300_001);
    client.send({ type: 'event', event });
    expect(await client.next()).toMatchObject({ code: 'EVENT_EXPIRED' });
    for (let sent = 0; sent < 3; sent++) await client.request('demo.limited', sent);
    await expect(client.request('demo.limited')).rejects.toEqual(refusal('RATE_LIMITED'));
    clock.advance(2_000);
    await expect(client.request('demo.limited', 4)).resolves.toMatchObject({ data: 4 });
  });

  it('authenticates with a ticket once, and reports why a connection closed', async () => {
    const ticket = issueTicket(app, { id: 'bob' });
    await (await EventTestClient.connect(app)).authenticate(ticket);
    const second = await EventTestClient.connect(app);
    await expect(second.authenticate(ticket)).rejects.toEqual(refusal('AUTH_FAILED'));
    expect(await second.closed).toEqual({ code: 4401, reason: 'AUTH_FAILED' });
    await expect(second.next()).rejects.toThrow('closed: 4401');
  });

  it('connects with the given address and origin, and rejects with the status of a failed handshake', async () => {
    const from = (origin: string) => EventTestClient.connect(app, { origin });
    await (await from('https://myapp.com')).close();
    await expect(from('https://evil.com')).rejects.toThrow('403');
    await expect(EventTestClient.connect(app, { path: '/nowhere' })).rejects.toThrow(
      /^Cannot connect to \/nowhere: .* 404\. Is the adapter installed/,
    );
  });

  it('does not wait indefinitely, and does not sign without a key', async () => {
    const client = await EventTestClient.connect(app, { timeout: 20 });
    await expect(client.next()).rejects.toThrow('within 20 ms');
    expect(() => client.event('x')).toThrow('authenticated');
  });
});

describe('EventTestClient over Socket.IO', () => {
  it('logs in, signs, verifies, subscribes and is rejected like over WebSocket', async () => {
    const module = await Test.createTestingModule({
      imports: [
        SemanticEventsModule.forRoot({
          signing: { keys: [RING_KEY] },
          auth: { validateToken: () => null },
          mesh: { allow: ['news.*'] },
          audit: 'off',
        }),
      ],
      providers: [DemoGateway],
    }).compile();
    const io = module.createNestApplication({ logger: false });
    io.useWebSocketAdapter(new SemanticEventsIoAdapter(io));
    await io.listen(0, '127.0.0.1');
    try {
      const socket = connectTo(await io.getUrl(), {
        path: '/events',
        transports: ['websocket'],
        autoConnect: false,
      });
      const client = await EventTestClient.loginOver(socket, io, { id: 'alice' });
      expect(client.verifies(await client.request('demo.echo', { a: 1 }))).toBe(true);
      await expect(client.request('demo.refuses')).rejects.toEqual(refusal('FORBIDDEN'));

      client.send({ type: 'subscribe', patterns: ['news.*'], id: '1' });
      expect(await client.next()).toMatchObject({ type: 'subscribed', id: '1' });
      await io.get(EventMesh).emit('news.today', 'hi');
      const delivered = await client.next();
      expect(delivered).toMatchObject({ type: 'event', cursor: expect.any(String) });
      expect(client.verifies(delivered.event as SemanticEvent)).toBe(true);
      client.socket.close();
    } finally {
      await io.close();
    }
  });
});
