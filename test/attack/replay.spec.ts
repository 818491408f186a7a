import { randomUUID } from 'node:crypto';
import { InMemoryNonceStore } from '../../lib/replay/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { pause } from '../helpers/eventually.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { refusalOf } from '../helpers/refusal-of.js';
import { RING_KEY, TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const RING = { key_id: RING_KEY.id, key: Buffer.from(RING_KEY.secret).toString('base64url') };
const MAX_AGE = 300_000;

async function start(options = {}) {
  const clock = new FakeClock(Date.now());
  const app = await TestApp.start({ gateways: [DemoGateway], options, clock });
  return { app, clock, calls: app.nest.get(DemoGateway).calls };
}

/** Creates an event signed with a ring key, which is valid on any connection. */
const ringEvent = (
  client: TestClient,
  clock: FakeClock,
  members: Json = {},
  type = 'demo.echo',
) => {
  const time = new Date(clock.now()).toISOString();
  return client.sign(client.event(type, 'x', { time, ...members }), RING);
};

async function outcome(client: TestClient, event: Json): Promise<string> {
  client.sendJson({ type: 'event', event });
  const answer = await client.next();
  return answer.type === 'event' ? 'accepted' : answer.code;
}

describe('the same event', () => {
  it('is accepted once on one socket, and never again while it is in its window', async () => {
    const { app, clock, calls } = await start();
    const client = await app.login();
    const event = ringEvent(client, clock);
    expect(await outcome(client, event)).toBe('accepted');
    for (const passed of [0, 1, MAX_AGE - 1, 0]) {
      clock.advance(passed);
      expect(await outcome(client, event)).toBe('REPLAY_DETECTED');
    }
    clock.advance(1);
    expect(await outcome(client, event)).toBe('EVENT_EXPIRED');
    expect(calls).toHaveLength(1);
  });

  it('is accepted once of 100 sent over two sockets at the same instant', async () => {
    const { app, clock, calls } = await start();
    const clients = [await app.login(), await app.login('bob')];
    const event = ringEvent(clients[0]!, clock);
    for (let copy = 0; copy < 100; copy++) clients[copy % 2]!.sendJson({ type: 'event', event });
    const answers = (await Promise.all(clients.map(client => client.take(50)))).flat();
    expect(answers.filter(({ code }) => code === 'REPLAY_DETECTED')).toHaveLength(99);
    expect(calls).toHaveLength(1);
  });

  it('is rejected after a reconnect, with the ring key or the previous session key', async () => {
    const { app, clock } = await start();
    const before = await app.login();
    const [ring, session] = [ringEvent(before, clock), before.event('demo.echo', 'x')];
    expect(await outcome(before, ring)).toBe('accepted');
    expect(await outcome(before, session)).toBe('accepted');
    before.terminate();
    const after = await app.login();
    expect(await outcome(after, ring)).toBe('REPLAY_DETECTED');
    expect(await outcome(after, session)).toBe('INVALID_SIGNATURE');
  });

  it('is rejected by another handler, and in another frame format', async () => {
    const { app, clock } = await start();
    const client = await app.login();
    const event = ringEvent(client, clock);
    expect(await outcome(client, event)).toBe('accepted');
    client.sendJson({ event: 'demo.echo', data: event });
    expect((await client.next()).data.code).toBe('REPLAY_DETECTED');
    client.sendJson(event);
    expect((await client.next()).code).toBe('REPLAY_DETECTED');
  });

  it('is rejected with the same nonce and other content', async () => {
    const { app, clock } = await start();
    const client = await app.login();
    const semanticnonce = randomUUID();
    expect(await outcome(client, ringEvent(client, clock, { semanticnonce }))).toBe('accepted');
    const other = ringEvent(client, clock, { semanticnonce, id: 'other', data: 'y' });
    expect(await outcome(client, other)).toBe('REPLAY_DETECTED');
    const own = client.event('demo.echo', 'x', { semanticnonce });
    expect(await outcome(client, own)).toBe('accepted');
  });

  it('60 s ahead of its time is rejected at +301 s and at +360 s, and expired from then on', async () => {
    const { app, clock } = await start();
    const client = await app.login();
    const time = new Date(clock.now() + 60_000).toISOString();
    const event = ringEvent(client, clock, { time });
    expect(await outcome(client, event)).toBe('accepted');
    clock.advance(301_000);
    expect(await outcome(client, event)).toBe('REPLAY_DETECTED');
    clock.advance(59_000);
    expect(await outcome(client, event)).toBe('REPLAY_DETECTED');
    clock.advance(1);
    expect(await outcome(client, event)).toBe('EVENT_EXPIRED');
    clock.setWall(clock.now() - 200_000);
    expect(await outcome(client, event)).not.toBe('accepted');
  });
});

describe('a full store', () => {
  it('accepts fresh events, and rejects those it may have dropped', async () => {
    const { app, clock } = await start({ replay: { maxNonces: 3 } });
    const client = await app.login();
    const events = [1, 2, 3, 4].map(() => {
      clock.advance(1);
      return ringEvent(client, clock);
    });
    for (const event of events) expect(await outcome(client, event)).toBe('accepted');
    expect(await outcome(client, events[0]!)).toBe('EVENT_EXPIRED');
    expect(await outcome(client, events[3]!)).toBe('REPLAY_DETECTED');
  });

  it('of one connection does not affect others, or fresh events', async () => {
    const { app } = await start({ replay: { maxNonces: 3, maxNoncesPerConnection: 10 } });
    const [mallory, victim] = [await app.login('mallory'), await app.login('victim')];
    const sent: Json[] = [];
    for (let flood = 0; flood < 50; flood++) {
      const event = mallory.event('demo.echo', 'x');
      sent.push(event);
      await pause(1);
      expect(await outcome(mallory, event)).toBe('accepted');
    }
    for (const event of sent)
      expect(['EVENT_EXPIRED', 'REPLAY_DETECTED']).toContain(await outcome(mallory, event));
    expect(await outcome(victim, victim.event('demo.echo', 'x'))).toBe('accepted');
  });

  it('of a million live nonces answers as fast as an empty one', () => {
    const clock = new FakeClock();
    const store = new InMemoryNonceStore(1_000_000, clock);
    /** CPU time in microseconds, the minimum of ten, to exclude garbage collection. */
    const time = (first: number) => {
      const times = Array.from({ length: 10 }, (_, part) => {
        const before = process.cpuUsage();
        for (let key = 0; key < 2_000; key++)
          store.use(`n-${first + part * 2_000 + key}`, clock.now() + MAX_AGE);
        return process.cpuUsage(before).user;
      });
      return Math.min(...times);
    };
    const empty = time(0);
    for (let key = 20_000; key < 980_000; key++) store.use(`n-${key}`, clock.now() + MAX_AGE);
    expect(time(980_000)).toBeLessThan(20 * empty + 5_000);
    expect(refusalOf(() => store.use('one more', clock.now() + 1))).toBe('EVENT_EXPIRED');
    clock.advance(1);
    expect(time(1_000_000)).toBeLessThan(20 * empty + 5_000);
    expect(store.use('n-999999', clock.now() - 1 + MAX_AGE)).toBe(false);
  });
});

describe('a restart', () => {
  it('with in-memory stores rejects everything that a ring key signed before it', async () => {
    const clock = new FakeClock(Date.now());
    const first = await TestApp.start({ gateways: [DemoGateway], clock });
    const event = ringEvent(await first.login(), clock);
    expect(await outcome(await first.login(), event)).toBe('accepted');
    await first.nest.close();
    clock.advance(1);
    const second = await TestApp.start({ gateways: [DemoGateway], clock });
    const client = await second.login();
    expect(await outcome(client, event)).toBe('EVENT_EXPIRED');
    expect(await outcome(client, ringEvent(client, clock))).toBe('accepted');
  });
});
