import fc from 'fast-check';
import { type Audience, ConnectionManager, EventMesh } from '../../lib/index.js';
import { isEventId } from '../../lib/event/index.js';
import { channelOf } from '../../lib/mesh/audience.js';
import { eventually } from '../helpers/eventually.js';
import { dataOf, startMesh, subscribe } from '../helpers/mesh-app.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

async function sentTo(client: TestClient): Promise<Json[]> {
  client.sendJson({ type: 'ping' });
  const frames: Json[] = [];
  for (;;) {
    const frame = await client.next();
    if (frame.type === 'pong') return frames;
    frames.push(frame);
  }
}
const own = (client: TestClient, patterns = ['**'], members: Json = {}) =>
  subscribe(client, patterns, { scope: 'own', ...members });

describe('an addressed event', () => {
  it('reaches every connection of its user and no other user, without a subscription right', async () => {
    const { app, mesh } = await startMesh([]);
    const bobs = [await app.login('bob'), await app.login('bob')];
    const others = await Promise.all(
      ['bob.smith', '*', '**', 'alice', 'BOB', 'bo', 'bob '].map(user => app.login(user)),
    );
    for (const client of [...bobs, ...others]) await own(client);
    await mesh.emitTo({ user: 'bob' }, 'order.shipped', { id: 7 });
    for (const client of bobs) {
      const [frame] = await sentTo(client);
      const { data, semanticaudience } = frame!.event as Json;
      expect({ data, semanticaudience }).toEqual({ data: { id: 7 }, semanticaudience: 'user' });
      expect(client.verifies(frame!.event as Json)).toBe(true);
    }
    for (const client of others) expect(await sentTo(client)).toEqual([]);
    expect(mesh.stats().published).toBe(1);
  });

  it('reaches one session or one connection of a user', async () => {
    const { app, mesh } = await startMesh([]);
    const [one, other] = [await app.connect(), await app.connect()];
    const { client_id: clientId } = await one.authenticate(tokenFor('bob', { sid: 's1' }));
    await other.authenticate(tokenFor('bob', { sid: 's2' }));
    for (const client of [one, other]) await own(client);
    await mesh.emitTo({ session: 's2' }, 'a', 'session');
    await mesh.emitTo({ client: clientId as string }, 'a', 'client');
    expect(dataOf(await sentTo(one))).toEqual(['client']);
    expect(dataOf(await sentTo(other))).toEqual(['session']);
  });

  it('follows a client to its new session after a renewal', async () => {
    const { app, mesh } = await startMesh([]);
    const bob = await app.connect();
    await bob.authenticate(tokenFor('bob', { sid: 's1' }));
    await own(bob);
    expect((await bob.authenticate(tokenFor('bob', { sid: 's2' }))).type).toBe('auth_success');
    await mesh.emitTo({ session: 's1' }, 'a', 'old');
    await mesh.emitTo({ session: 's2' }, 'a', 'new');
    expect(dataOf(await sentTo(bob))).toEqual(['new']);
  });

  it.each([[undefined], [null]])('to %p throws, and is not delivered', async audience => {
    const { app, mesh } = await startMesh(['**']);
    const bob = await app.login('bob');
    await subscribe(bob, ['**']);
    await own(bob);
    await expect(mesh.emitTo(audience as unknown as Audience, 'a', 'secret')).rejects.toThrow(
      'audience',
    );
    if (audience === null)
      await expect(
        mesh.publish({ source: 'x', type: 'a', data: 1 }, audience as unknown as Audience),
      ).rejects.toThrow('audience');
    expect(await sentTo(bob)).toEqual([]);
  });

  it('cannot pose as a reply: publishing removes the correlation id', async () => {
    const { app, mesh } = await startMesh(['**']);
    const bob = await app.login('bob');
    await subscribe(bob, ['**']);
    const reply = { source: 'x', type: 'a', data: 1, semanticcorrelationid: 'request-1' };
    expect(await mesh.publish(reply)).not.toHaveProperty('semanticcorrelationid');
    const [frame] = await sentTo(bob);
    expect(frame?.event).not.toHaveProperty('semanticcorrelationid');
  });

  it('is delivered only to subscribers of its type, in order with other events', async () => {
    const { app, mesh } = await startMesh(['news']);
    const bob = await app.login('bob');
    await subscribe(bob, ['news']);
    await own(bob, ['order.*']);
    for (let n = 0; n < 20; n++) {
      await mesh.emit('news', 3 * n);
      await mesh.emitTo({ user: 'bob' }, 'order.shipped', 3 * n + 1);
      await mesh.emitTo({ user: 'bob' }, 'invoice', 3 * n + 2);
    }
    const expected = Array.from({ length: 60 }, (_, n) => n).filter(n => n % 3 < 2);
    expect(dataOf(await sentTo(bob))).toEqual(expected);
  });

  it('is resumed once and in order, like any other event', async () => {
    const { app, mesh } = await startMesh(['news']);
    const first = await app.login('bob');
    await subscribe(first, ['news', 'news']);
    const { cursor } = await own(first);
    await mesh.emitTo({ user: 'bob' }, 'a', 0);
    const [frame] = await sentTo(first);
    first.terminate();
    for (let n = 1; n < 100; n++)
      await (n % 2 ? mesh.emit('news', n) : mesh.emitTo({ user: 'bob' }, 'a', n));
    await mesh.emitTo({ user: 'alice' }, 'a', 'not for bob');
    for (const [since, from] of [
      [cursor, 0],
      [frame!.cursor, 1],
    ] as const) {
      const again = await app.login('bob');
      await subscribe(again, ['news'], { since });
      const news = dataOf(await again.take(50));
      await own(again, ['a'], { since });
      const addressed = dataOf(await again.take(50 - from));
      expect([...(news as number[]), ...(addressed as number[])].sort((a, b) => a - b)).toEqual(
        Array.from({ length: 100 - from }, (_, n) => n + from),
      );
      again.terminate();
    }
  });

  it("does not reach another user that resumes from its receiver's cursor", async () => {
    const { app, mesh } = await startMesh([]);
    const [bob, eve] = [await app.login('bob'), await app.login('eve')];
    const { cursor: since } = await own(bob);
    await mesh.emitTo({ user: 'bob' }, 'a', 'for bob');
    await mesh.emitTo({ user: 'eve' }, 'a', 'for eve');
    expect(await own(eve, ['**'], { since })).toMatchObject({ type: 'subscribed' });
    expect(dataOf(await sentTo(eve))).toEqual(['for eve']);
  });

  it('does not need the right to broadcasts of the same pattern', async () => {
    const { app, mesh } = await startMesh([]);
    const bob = await app.login('bob');
    expect((await subscribe(bob, ['a'])).code).toBe('FORBIDDEN');
    await own(bob, ['a']);
    await mesh.emit('a', 'for everybody');
    await mesh.emitTo({ user: 'bob' }, 'a', 'for bob');
    expect(dataOf(await sentTo(bob))).toEqual(['for bob']);
    expect((await subscribe(bob, ['a'], { scope: 'mine' })).code).toBe('BAD_FRAME');
  });

  it('is not delivered to mesh handlers, and has no audience chosen by the sender', async () => {
    const { app, mesh } = await startMesh(['a']);
    const handled: unknown[] = [];
    mesh.subscribe('**', ({ data, semanticaudience }) => handled.push([data, semanticaudience]));
    const bob = await app.login('bob');
    await subscribe(bob, ['a']);
    await mesh.emitTo({ user: 'bob' }, 'a', 1);
    await mesh.emit('a', 2, { semanticaudience: 'user' });
    expect(handled).toEqual([[2, undefined]]);
    const events = (await sentTo(bob)).map(({ event }) => event as Json);
    expect(events.map(({ semanticaudience }) => semanticaudience)).toEqual(['user', undefined]);
  });

  it.each([
    {},
    { user: '' },
    { user: 'a', room: 'b' },
    { other: 'a' },
    { room: 7 },
    { user: '\ud800' },
  ])('is rejected for the audience %j', async audience => {
    const { mesh } = await startMesh([]);
    await expect(mesh.emitTo(audience as Audience, 'a', 1)).rejects.toThrow('audience');
    expect(mesh.stats().published).toBe(0);
  });

  it('has a channel that no other audience has, whatever characters its id has', () => {
    const id = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
      fc.string({
        unit: fc.constantFrom('*', '.', '/', ':', 'u', 'r', '{', '}', ' '),
        minLength: 1,
        maxLength: 4,
      }),
    );
    const kinds = ['user', 'session', 'client', 'room'] as const;
    const audience = fc.tuple(fc.constantFrom(...kinds), id);
    fc.assert(
      fc.property(audience, audience, ([kind, one], [otherKind, other]) => {
        fc.pre(one.isWellFormed() && other.isWellFormed());
        fc.pre((kind !== 'room' || isEventId(one)) && (otherKind !== 'room' || isEventId(other)));
        const isSame = kind === otherKind && one === other;
        const channels = [
          channelOf({ [kind]: one } as unknown as Audience),
          channelOf({ [otherKind]: other } as unknown as Audience),
        ];
        expect(channels[0] === channels[1]).toBe(isSame);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('an addressed event over Socket.IO', () => {
  const own = async (client: IoClient, members: Json = {}) => {
    client.socket.emit('subscribe', { patterns: ['order.*'], scope: 'own', ...members });
    return client.next('subscribed');
  };

  it('reaches every connection of its user, signed, and no other user; and is resumed', async () => {
    const app = await startIo({ gateways: [DemoGateway] });
    const mesh = app.nest.get(EventMesh);
    const bobs = [await IoClient.login(app, 'bob'), await IoClient.login(app, 'bob')];
    const eve = await IoClient.login(app, '*');
    for (const client of [...bobs, eve]) await own(client);
    await mesh.emitTo({ user: 'bob' }, 'order.shipped', 1);
    await mesh.emitTo({ user: '*' }, 'order.shipped', 2);
    let cursor: unknown;
    for (const client of bobs) {
      const frame = await client.next('event');
      const event = frame.event as Json;
      expect(event).toMatchObject({ data: 1, semanticaudience: 'user' });
      expect(client.verifies(event)).toBe(true);
      ({ cursor } = frame);
    }
    expect((await eve.next('event')).event).toMatchObject({ data: 2 });
    await mesh.emitTo({ user: 'bob' }, 'order.shipped', 3);
    const again = await IoClient.login(app, 'bob');
    await own(again, { since: cursor });
    expect((await again.next('event')).event).toMatchObject({ data: 3 });
    expect(again.received.filter(({ name }) => name === 'gap')).toEqual([]);
  });

  it("does not reach another user that resumes from its receiver's cursor", async () => {
    const app = await startIo({ gateways: [DemoGateway] });
    const mesh = app.nest.get(EventMesh);
    const [bob, eve] = [await IoClient.login(app, 'bob'), await IoClient.login(app, 'eve')];
    const { cursor: since } = await own(bob);
    await mesh.emitTo({ user: 'bob' }, 'order.shipped', 1);
    await mesh.emitTo({ user: 'eve' }, 'order.shipped', 2);
    await own(eve, { since });
    expect((await eve.next('event')).event).toMatchObject({ data: 2 });
    expect((await eve.settled()).map(({ name }) => name)).not.toContain('event');
  });

  it('is no longer delivered after the client has disconnected, and leaves nothing behind', async () => {
    const app = await startIo({ gateways: [DemoGateway] });
    const mesh = app.nest.get(EventMesh);
    const client = await IoClient.login(app, 'bob');
    await own(client);
    const connections = app.nest.get(ConnectionManager);
    client.socket.disconnect();
    await eventually(() => connections.count === 0);
    await mesh.emitTo({ user: 'bob' }, 'order.shipped', 1);
    const { members } = (mesh as unknown as { hub: { members: Map<string, unknown> } }).hub;
    expect(members.size).toBe(0);
  });
});
