import { ConnectionStore, NonceStore, RateLimitStore } from '../../lib/index.js';
import { byRing } from '../helpers/by-ring.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import {
  FakeServer,
  RemoteConnectionStore,
  RemoteNonceStore,
  RemoteRateLimitStore,
} from '../helpers/failing-stores.js';
import { TestApp } from '../helpers/test-app.js';
import { TestClient } from '../helpers/test-client.js';

const server = new FakeServer();

const start = (options = {}) =>
  TestApp.start({
    gateways: [DemoGateway],
    options: {
      ...options,
      providers: [
        { provide: NonceStore, useValue: new RemoteNonceStore(server) },
        { provide: RateLimitStore, useValue: new RemoteRateLimitStore(server) },
        { provide: ConnectionStore, useValue: new RemoteConnectionStore(server) },
      ],
    } as never,
  });

beforeEach(() => {
  server.isDown = false;
  server.requests = 0;
});

describe('asynchronous stores', () => {
  it('accept 100 copies of one event once', async () => {
    const client = await (await start()).login();
    const event = byRing(client, 'demo.echo', 'once');
    for (let copy = 0; copy < 100; copy++) client.sendJson({ type: 'event', event });
    const answers = await client.take(100);
    expect(answers.filter(answer => answer.type === 'event')).toHaveLength(1);
    expect(answers.filter(answer => answer.code === 'REPLAY_DETECTED')).toHaveLength(99);
  });

  it('do not consume the nonce of a rate-limited event', async () => {
    const client = await (await start()).login();
    const events = [1, 2, 3, 4].map(number => client.event('demo.limited', number));
    for (const event of events) client.sendJson({ type: 'event', event });
    const answers = await client.take(4);
    const refused = answers.filter(answer => answer.type === 'error');
    expect(refused.map(({ code }) => code as string)).toEqual(['RATE_LIMITED']);
    client.sendJson({ type: 'event', event: events.find(({ id }) => id === refused[0]!.id) });
    expect((await client.next()).code).toBe('RATE_LIMITED');
  });

  it('charge tokens for an event with an invalid signature, and leave no unhandled rejection', async () => {
    const client = await (await start()).login();
    for (let tries = 0; tries < 3; tries++) {
      client.sendJson({
        type: 'event',
        event: { ...client.event('demo.limited'), data: 'forged' },
      });
      expect((await client.next()).code).toBe('INVALID_SIGNATURE');
    }
    client.emit('demo.limited');
    expect((await client.next()).code).toBe('RATE_LIMITED');
  });
});

describe('while stores fail', () => {
  it('signed events are rejected with UNAVAILABLE, without detail, and accepted once after', async () => {
    const client = await (await start()).login();
    server.isDown = true;
    const event = byRing(client, 'demo.echo', 'patient');
    client.sendJson({ type: 'event', event });
    const refusal = await client.next();
    expect(refusal).toMatchObject({ code: 'UNAVAILABLE', status: 503, id: event.id });
    expect(JSON.stringify(refusal)).not.toContain('canary');
    server.isDown = false;
    client.sendJson({ type: 'event', event });
    expect((await client.next()).event.data).toBe('patient');
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('REPLAY_DETECTED');
  });

  it('rate limits continue with local buckets', async () => {
    const client = await (await start({ replay: { onStoreError: 'local' } })).login();
    server.isDown = true;
    for (const data of [1, 2, 3, 4]) client.emit('demo.limited', data);
    const answers = await client.take(4);
    expect(answers.filter(({ type }) => type === 'event')).toHaveLength(3);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(1);
  });

  it('rate limits return to the store once it answers, which has lost nothing', async () => {
    const client = await (await start({ replay: { onStoreError: 'local' } })).login();
    const answersTo = async (count: number) => {
      for (let sent = 0; sent < count; sent++) client.emit('demo.limited', sent);
      return (await client.take(count)).map(({ code, type }) => (code ?? type) as string);
    };
    expect(await answersTo(2)).toEqual(['event', 'event']);
    server.isDown = true;
    // A full bucket of this process.
    expect(await answersTo(1)).toEqual(['event']);
    server.isDown = false;
    // The store has one of three tokens left, because its clock does not advance. A local bucket
    // would have two.
    expect((await answersTo(3)).sort()).toEqual(['RATE_LIMITED', 'RATE_LIMITED', 'event']);
  });

  it('local nonces still accept no event twice', async () => {
    const client = await (await start({ replay: { onStoreError: 'local' } })).login();
    server.isDown = true;
    const event = byRing(client, 'demo.echo', 1);
    client.sendJson({ type: 'event', event });
    expect((await client.next()).type).toBe('event');
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('REPLAY_DETECTED');
  });

  it('events of session keys are accepted once, without the store', async () => {
    const client = await (await start()).login();
    server.isDown = true;
    const before = server.requests;
    const event = client.emit('demo.echo', 1);
    expect((await client.next()).type).toBe('event');
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('REPLAY_DETECTED');
    expect(server.requests).toBe(before);
  });

  it('everything is allowed if that is the policy', async () => {
    const policies = {
      replay: { onStoreError: 'allow' },
      rateLimit: { onStoreError: 'allow' },
      connection: { onStoreError: 'allow', maxConnections: 1 },
    };
    const app = await start(policies);
    server.isDown = true;
    await app.login();
    const client = await app.login();
    const event = byRing(client, 'demo.limited', 1);
    for (let copy = 0; copy < 10; copy++) client.sendJson({ type: 'event', event });
    for (const answer of await client.take(10)) expect(answer.type).toBe('event');
  });

  it('connections are counted locally or rejected, as the policy says', async () => {
    const local = await start({ connection: { maxConnections: 1 } });
    server.isDown = true;
    await local.login();
    const url = (app: TestApp) => `ws://127.0.0.1:${app.port}/events`;
    expect((await TestClient.refusal(url(local))).status).toBe(503);
    const denying = await start({ connection: { onStoreError: 'deny' } });
    expect((await TestClient.refusal(url(denying))).body.code).toBe('SERVER_FULL');
  });
});
