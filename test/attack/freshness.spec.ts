import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { RING_KEY, TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const RING = { key_id: RING_KEY.id, key: Buffer.from(RING_KEY.secret).toString('base64url') };

async function start() {
  const clock = new FakeClock(Date.now());
  const app = await TestApp.start({ gateways: [DemoGateway], clock });
  return { app, clock };
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

describe('a time', () => {
  it.each<[string, unknown, string]>([
    ['missing', undefined, 'INVALID_EVENT'],
    ['null', null, 'INVALID_EVENT'],
    ['numeric', 1_795_428_000_000, 'INVALID_EVENT'],
    ['without offset', '2026-11-23T10:00:00', 'INVALID_EVENT'],
    ['a date', '2026-11-23', 'INVALID_EVENT'],
    ['with a blank', '2026-11-23 10:00:00Z', 'INVALID_EVENT'],
    ['of the year 10000', '10000-01-01T00:00:00Z', 'INVALID_EVENT'],
    ['of the year +010000', '+010000-01-01T00:00:00Z', 'INVALID_EVENT'],
    ['of the year 9999', '9999-12-31T23:59:59Z', 'EVENT_EXPIRED'],
    ['of the year 0', '0000-01-01T00:00:00Z', 'EVENT_EXPIRED'],
    ['a leap second in the past', '2016-12-31T23:59:60Z', 'EVENT_EXPIRED'],
    ['a leap second where none can be', '2026-11-23T10:00:60Z', 'INVALID_EVENT'],
    ['a day that is not', '2026-02-30T10:00:00Z', 'INVALID_EVENT'],
    ['an offset that is not', '2026-11-23T10:00:00+24:00', 'INVALID_EVENT'],
    ['a line break behind', '2026-11-23T10:00:00Z\n', 'INVALID_EVENT'],
  ])('%s is rejected: %p with %s', async (_, time, code) => {
    const { app, clock } = await start();
    const client = await app.login();
    expect(await outcome(client, ringEvent(client, clock, { time }))).toBe(code);
  });

  it('with offset -00:00 or any other is that instant, and its nonce is accepted once', async () => {
    const { app, clock } = await start();
    const client = await app.login();
    for (const offset of ['-00:00', '+00:00']) {
      const time = new Date(clock.now()).toISOString().replace('Z', offset);
      const event = ringEvent(client, clock, { time });
      expect(await outcome(client, event)).toBe('accepted');
      expect(await outcome(client, event)).toBe('REPLAY_DETECTED');
    }
  });
});

describe('a nonce', () => {
  const invalid = [
    undefined,
    null,
    '',
    'short',
    'n'.repeat(129),
    'n'.repeat(60_000),
    7,
    true,
    ['n'.repeat(16)],
    'nonce with spaces',
    'nonce:with:colons',
  ];
  const titled = invalid.map(nonce => [inspect(nonce, { maxStringLength: 20 }), nonce] as const);

  it.each(titled)('of %s is rejected with INVALID_EVENT', async (_, semanticnonce) => {
    const { app, clock } = await start();
    const client = await app.login();
    const event = ringEvent(client, clock, { semanticnonce });
    expect(await outcome(client, event)).toBe('INVALID_EVENT');
  });

  it('is not consumed by an event that is rejected for another reason', async () => {
    const { app, clock } = await start();
    const client = await app.login();
    const event = ringEvent(client, clock);
    const mac = createHmac('sha256', 'x').update('x').digest('base64url');
    for (const [wrong, code] of [
      [{ ...event, semanticsignature: undefined }, 'INVALID_SIGNATURE'],
      [{ ...event, semanticsignature: `v1.main.${mac}` }, 'INVALID_SIGNATURE'],
      [{ ...event, type: 'demo.session' }, 'INVALID_SIGNATURE'],
      [{ ...event, type: 'demo.missing' }, 'UNKNOWN_EVENT'],
      [{ ...event, time: '2020-01-01T00:00:00Z' }, 'EVENT_EXPIRED'],
      [{ ...event, subject: 7 }, 'INVALID_EVENT'],
    ] as [Json, string][])
      expect(await outcome(client, wrong)).toBe(code);
    expect(await outcome(client, event)).toBe('accepted');
  });

  it('of a rate-limited event is accepted once the limit allows it', async () => {
    const { app, clock } = await start();
    const client = await app.login();
    const events = [1, 2, 3, 4].map(() => ringEvent(client, clock, {}, 'demo.limited'));
    const codes: string[] = [];
    for (const event of events) codes.push(await outcome(client, event));
    expect(codes).toEqual(['accepted', 'accepted', 'accepted', 'RATE_LIMITED']);
    clock.advance(6_000);
    expect(await outcome(client, events[3]!)).toBe('accepted');
    expect(await outcome(client, events[3]!)).toBe('REPLAY_DETECTED');
  });
});
