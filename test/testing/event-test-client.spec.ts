import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Clock, SemanticEventsAdapter, SemanticEventsModule } from 'nestjs-semantic-events';
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
  it('starts the application, logs in by a ticket, signs, and verifies the answer', async () => {
    const client = await login();
    const reply = await client.request('demo.echo', { a: 1 });
    expect(reply).toMatchObject({ type: 'demo.echo.reply', data: { a: 1 } });
    expect(client.verifies(reply)).toBe(true);
    expect(client.verifies({ ...reply, data: { a: 2 } })).toBe(false);
    await client.close();
  });

  it('speaks bare CloudEvents where asked to', async () => {
    const client = await EventTestClient.login(app, { id: 1 }, { protocol: 'cloudevents.json' });
    expect(await client.request('demo.echo', 1)).toMatchObject({ data: 1 });
  });

  it('throws what the server refuses, by its code', async () => {
    const client = await login();
    const event = client.emit('demo.echo', 1);
    await client.next();
    await expect(client.request('demo.echo', 1, event)).rejects.toEqual(refusal('REPLAY_DETECTED'));
    await expect(client.request('demo.refuses')).rejects.toThrow(RefusedError);
  });

  it("lives by the application's clock: no test waits for a limit", async () => {
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

  it('takes tickets once, and tells why a connection ends', async () => {
    const ticket = issueTicket(app, { id: 'bob' });
    await (await EventTestClient.connect(app)).authenticate(ticket);
    const second = await EventTestClient.connect(app);
    await expect(second.authenticate(ticket)).rejects.toEqual(refusal('AUTH_FAILED'));
    expect(await second.closed).toEqual({ code: 4401, reason: 'AUTH_FAILED' });
    await expect(second.next()).rejects.toThrow('closed: 4401');
  });

  it('connects from where it is told to, and rejects with the status of a refused handshake', async () => {
    const from = (origin: string) => EventTestClient.connect(app, { origin });
    await (await from('https://myapp.com')).close();
    await expect(from('https://evil.com')).rejects.toThrow('403');
    await expect(EventTestClient.connect(app, { path: '/nowhere' })).rejects.toThrow();
  });

  it('does not wait for ever, nor sign without a key', async () => {
    const client = await EventTestClient.connect(app, { timeout: 20 });
    await expect(client.next()).rejects.toThrow('within 20 ms');
    expect(() => client.event('x')).toThrow('authenticated');
  });
});
