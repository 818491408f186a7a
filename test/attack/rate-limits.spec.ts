import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { RateLimit, SecureGateway, SignedEvent } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { unsigned } from '../helpers/gated.gateway.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

const ONCE = { rate: 1, per: 3_600_000, burst: 1 };

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class LimitedGateway {
  @SubscribeMessage('limited.user')
  @RateLimit(ONCE)
  user() {
    return 'passed';
  }

  @SubscribeMessage('limited.address')
  @RateLimit({ ...ONCE, by: 'address' })
  address() {
    return 'passed';
  }

  @SubscribeMessage('limited.signed')
  @SignedEvent()
  @RateLimit(ONCE)
  signed() {
    return 'passed';
  }
}

const start = (connection = {}, more = {}) =>
  TestApp.start({ gateways: [LimitedGateway, DemoGateway], options: { connection }, ...more });
const outcome = async (client: TestClient, frame: Json) => {
  client.sendJson(frame);
  const answer = await client.next();
  return answer.code ?? answer.event.data;
};

describe('a bucket', () => {
  it('of a user is not refilled by reconnecting', async () => {
    const app = await start();
    const first = await app.login('alice');
    expect(await outcome(first, unsigned('limited.user'))).toBe('passed');
    first.terminate();
    for (let again = 0; again < 3; again++) {
      const client = await app.login('alice');
      expect(await outcome(client, unsigned('limited.user'))).toBe('RATE_LIMITED');
    }
    expect(await outcome(await app.login('bob'), unsigned('limited.user'))).toBe('passed');
  });

  it('of an address is not refilled by another user', async () => {
    const app = await start();
    expect(await outcome(await app.login('alice'), unsigned('limited.address'))).toBe('passed');
    expect(await outcome(await app.login('bob'), unsigned('limited.address'))).toBe('RATE_LIMITED');
  });

  it('of a user is charged before the signature is verified', async () => {
    const app = await start();
    const client = await app.login('alice');
    const event = client.event('limited.signed');
    const forged = { type: 'event', event: { ...event, data: 'forged' } };
    expect(await outcome(client, forged)).toBe('INVALID_SIGNATURE');
    expect(await outcome(client, { type: 'event', event })).toBe('RATE_LIMITED');
  });

  it('is not refilled by a wall clock set back or forth', async () => {
    const clock = new FakeClock(Date.now());
    const app = await start({}, { clock });
    const client = await app.login('alice');
    expect(await outcome(client, unsigned('limited.user'))).toBe('passed');
    for (const shift of [-1, 1]) {
      clock.setWall(Date.now() + shift * 3_000_000);
      expect(await outcome(client, unsigned('limited.user'))).toBe('RATE_LIMITED');
    }
  });
});

describe('a flood of frames', () => {
  const FLOOD = { messageRate: 0.01, messageBurst: 20, maxStrikes: 5 };

  it.each<[string, string]>([
    ['unparsable', '{'],
    ['unknown', '{"type":"no such frame"}'],
    ['of unknown events', JSON.stringify(unsigned('no.such'))],
    ['of events that are none', '{"type":"event","event":{}}'],
    ["of Nest's form", '{"event":"no.such","data":1}'],
    ['of pings', '{"type":"ping"}'],
    ['of subscriptions', '{"type":"subscribe","patterns":["**"]}'],
  ])('%s is charged, answered a limited number of times, and closes with 4429', async (_, text) => {
    const client = await (await start(FLOOD)).login();
    for (let sent = 0; sent < 1_000; sent++) client.socket.send(text);
    expect(await client.closed).toEqual({ code: 4429, reason: 'RATE_LIMITED' });
    // The frames within the burst, the forgiven strikes, and the closing one.
    expect(client.received.length).toBeLessThanOrEqual(20 + 5 + 1);
  });

  it('unparsable closes by its strikes alone, within the rate', async () => {
    const client = await (await start({ maxStrikes: 5 })).login();
    for (let sent = 0; sent < 50; sent++) client.socket.send('[');
    expect((await client.closed).code).toBe(4429);
    expect(client.received.map(({ code }) => code as string)).toEqual(
      Array<string>(6).fill('BAD_FRAME'),
    );
  });

  it('with invalid signatures closes with 1008', async () => {
    const client = await (await start({ maxStrikes: 5 })).login();
    for (let sent = 0; sent < 50; sent++) {
      const event = client.event('demo.echo', sent);
      client.sendJson({ type: 'event', event: { ...event, data: -1 } });
    }
    expect(await client.closed).toEqual({ code: 1008, reason: 'INVALID_SIGNATURE' });
    expect(client.received.length).toBeLessThanOrEqual(6);
  });

  it('of successful auth frames is charged like any other', async () => {
    const client = await (await start(FLOOD)).login();
    const token = tokenFor('alice');
    for (let sent = 0; sent < 100; sent++) client.sendJson({ type: 'auth', token });
    expect((await client.closed).code).toBe(4429);
  });

  it('does not affect another connection of the same user', async () => {
    const app = await start(FLOOD);
    const [flooding, calm] = [await app.login(), await app.login()];
    for (let sent = 0; sent < 500; sent++) flooding.socket.send('{');
    await flooding.closed;
    calm.emit('demo.echo', 'calm');
    expect((await calm.next()).event.data).toBe('calm');
  });
});
