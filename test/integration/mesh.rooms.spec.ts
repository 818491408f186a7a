import { jest } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Client,
  ConnectionManager,
  CurrentClient,
  EventAuthorizer,
  EventData,
  EventMesh,
  type OnGatewayAuthenticated,
  SecureGateway,
  SemanticEventsModule,
} from '../../lib/index.js';
import { deferred } from '../../lib/client/deferred.js';
import { SubscriptionHub } from '../../lib/mesh/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { captureLog } from '../helpers/log-capture.js';
import { dataOf, subscribe } from '../helpers/mesh-app.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class RoomGateway {
  constructor(private readonly mesh: EventMesh) {}

  @SubscribeMessage('room.join')
  async join(@EventData() room: string, @CurrentClient() client: Client) {
    await this.mesh.join(client, room);
    return 'joined';
  }

  @SubscribeMessage('room.leave')
  leave(@EventData() room: string, @CurrentClient() client: Client) {
    this.mesh.leave(client, room);
    return 'left';
  }
}

/** Joins the room of the user when a connection has authenticated, after a look-up that the test ends. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
class RejoiningGateway implements OnGatewayAuthenticated {
  static lookUp: Promise<unknown> = Promise.resolve();

  constructor(private readonly mesh: EventMesh) {}

  async handleAuthenticated(client: Client) {
    await RejoiningGateway.lookUp;
    await this.mesh.join(client, 'r');
  }
}

/** Allows every user into every room, except those that are denied. */
class Doors {
  readonly denied = new Set<string>();
  canPublish = () => true;
  canSubscribe = () => false;
  canJoin = ({ user }: Client, room: string): unknown => !this.denied.has(`${user?.id} ${room}`);
}

const client = () => new Client({ address: '127.0.0.1', url: '/', headers: {} }, 0);

async function start(
  mesh = {},
  auth: { timeout?: number } = {},
  gateway: Type = RoomGateway,
  monitoring = {},
) {
  const doors = new Doors();
  const app = await TestApp.start({
    gateways: [gateway],
    module: SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET }, ...auth },
      mesh,
      monitoring,
      providers: [{ provide: EventAuthorizer, useValue: doors }],
    }),
  });
  return { app, doors, mesh: app.nest.get(EventMesh) };
}

async function ask(client: TestClient, type: string, data: unknown): Promise<unknown> {
  client.emit(type, data);
  const frame = await client.next();
  return frame.type === 'error' ? frame.code : (frame.event as Json).data;
}

async function sentTo(client: TestClient): Promise<unknown[]> {
  client.sendJson({ type: 'ping' });
  const frames: Json[] = [];
  for (;;) {
    const frame = await client.next();
    if (frame.type === 'pong') return dataOf(frames.filter(({ type }) => type === 'event'));
    frames.push(frame);
  }
}

const listen = (client: TestClient, members: Json = {}) =>
  subscribe(client, ['**'], { scope: 'own', ...members });

describe('a room', () => {
  it('delivers its events to members only, before and after they subscribe', async () => {
    const { app, mesh } = await start();
    const [bob, alice, eve] = [
      await app.login('bob'),
      await app.login('alice'),
      await app.login('eve'),
    ];
    await listen(bob);
    expect(await ask(bob, 'room.join', 'lobby')).toBe('joined');
    expect(await ask(alice, 'room.join', 'lobby')).toBe('joined');
    expect(await ask(eve, 'room.join', 'lobby.*')).toBe('joined');
    await listen(alice);
    await listen(eve);
    await mesh.emitTo({ room: 'lobby' }, 'said', 1);
    for (const client of [bob, alice]) expect(await sentTo(client)).toEqual([1]);
    expect(await sentTo(eve)).toEqual([]);
    expect(await ask(bob, 'room.leave', 'lobby')).toBe('left');
    await mesh.emitTo({ room: 'lobby' }, 'said', 2);
    expect([await sentTo(bob), await sentTo(alice)]).toEqual([[], [2]]);
  });

  it('is closed to users that EventAuthorizer.canJoin rejects, and beyond mesh.maxRooms', async () => {
    const { app, doors } = await start({ maxRooms: 2 });
    const bob = await app.login('bob');
    doors.denied.add('bob secret');
    expect(await ask(bob, 'room.join', 'secret')).toBe('FORBIDDEN');
    for (const room of ['a', 'b', 'a']) expect(await ask(bob, 'room.join', room)).toBe('joined');
    expect(await ask(bob, 'room.join', 'c')).toBe('FORBIDDEN');
    expect(await ask(bob, 'room.leave', 'a')).toBe('left');
    expect(await ask(bob, 'room.join', 'c')).toBe('joined');
  });

  it('is left when the right is withdrawn, and does not deliver what was missed', async () => {
    const { app, doors, mesh } = await start();
    const bob = await app.login('bob');
    const { cursor: since } = await listen(bob);
    await ask(bob, 'room.join', 'r');
    await mesh.emitTo({ room: 'r' }, 'said', 'hello');
    expect(await sentTo(bob)).toEqual(['hello']);
    doors.denied.add('bob r');
    await mesh.reauthorize('bob');
    await mesh.emitTo({ room: 'r' }, 'said', 'about bob');
    expect(await sentTo(bob)).toEqual([]);
    doors.denied.clear();
    await ask(bob, 'room.join', 'r');
    await listen(bob, { since });
    expect(await sentTo(bob)).toEqual([]);
  });

  it('is resumed from a cursor by a member who joins again', async () => {
    const { app, mesh } = await start();
    const first = await app.login('bob');
    const { cursor: since } = await listen(first);
    await ask(first, 'room.join', 'r');
    first.terminate();
    await mesh.emitTo({ room: 'r' }, 'said', 'missed');
    const again = await app.login('bob');
    await ask(again, 'room.join', 'r');
    await listen(again, { since });
    expect(await sentTo(again)).toEqual(['missed']);
  });

  it('is resumed from a cursor if handleAuthenticated joins it, however long its look-up takes', async () => {
    const { app, mesh } = await start({}, {}, RejoiningGateway);
    const first = await app.login('bob');
    await eventually(async () => (await mesh.count('r')).users === 1);
    const { cursor: since } = await listen(first);
    first.terminate();
    await mesh.emitTo({ room: 'r' }, 'said', 'missed');
    const { promise, resolve } = deferred<undefined>();
    RejoiningGateway.lookUp = promise;
    const again = await app.login('bob');
    again.sendJson({ type: 'subscribe', patterns: ['**'], scope: 'own', since });
    expect(await sentTo(again)).toEqual([]);
    resolve(undefined);
    expect(await again.next()).toMatchObject({ type: 'subscribed' });
    expect(await sentTo(again)).toEqual(['missed']);
  });

  it('does not hold up a client for longer than auth.timeout if handleAuthenticated does not end', async () => {
    RejoiningGateway.lookUp = new Promise(() => undefined);
    const { app } = await start({}, { timeout: 200 }, RejoiningGateway);
    const first = await app.login('bob');
    const { cursor: since } = await listen(first);
    expect(await listen(first, { since })).toMatchObject({ type: 'subscribed' });
  });

  it('is left when the connection closes, and leaves nothing behind', async () => {
    const { app, mesh } = await start();
    const connections = app.nest.get(ConnectionManager);
    const bob = await app.login('bob');
    await listen(bob);
    await ask(bob, 'room.join', 'r');
    const [client] = connections.list();
    bob.terminate();
    await eventually(() => connections.count === 0);
    await mesh.join(client!, 'r');
    const { rooms, members } = (
      mesh as unknown as {
        hub: { rooms: { clients: Map<unknown, unknown> }; members: Map<unknown, unknown> };
      }
    ).hub;
    expect([rooms.clients.size, members.size]).toEqual([0, 0]);
  });
});

describe('the right to a room', () => {
  const renew = async (client: TestClient, claims: Json) => {
    client.sendJson({ type: 'auth', token: tokenFor('bob', claims) });
    expect((await client.next()).type).toBe('auth_success');
  };
  const onlyAdmins = ({ user }: Client) => user?.roles?.includes('admin') === true;

  it('ends with a renewal that no longer has it', async () => {
    const { app, doors, mesh } = await start();
    doors.canJoin = onlyAdmins;
    const bob = await app.login('bob');
    await renew(bob, { roles: ['admin'] });
    const { cursor: since } = await listen(bob);
    expect(await ask(bob, 'room.join', 'r')).toBe('joined');
    await renew(bob, { roles: [] });
    await mesh.emitTo({ room: 'r' }, 'said', 'about bob');
    expect(await sentTo(bob)).toEqual([]);
    await renew(bob, { roles: ['admin'] });
    expect(await ask(bob, 'room.join', 'r')).toBe('joined');
    await listen(bob, { since });
    expect(await sentTo(bob)).toEqual([]);
  });

  it('that is withdrawn during authorization of a join cancels the join', async () => {
    const { app, doors, mesh } = await start();
    const bob = await app.login('bob');
    await listen(bob);
    const answers: ((answer: boolean) => void)[] = [];
    doors.canJoin = () => new Promise<boolean>(resolve => answers.push(resolve));
    bob.emit('room.join', 'r');
    await eventually(() => answers.length === 1);
    const withdrawn = mesh.reauthorize('bob');
    answers[0]?.(true);
    await withdrawn;
    await eventually(() => answers.length === 2);
    answers[1]?.(false);
    expect((await bob.next()).code).toBe('FORBIDDEN');
    await mesh.emitTo({ room: 'r' }, 'said', 1);
    expect(await sentTo(bob)).toEqual([]);
  });

  it('is withdrawn from all connections of a user at the same time, however slow the authorizer is', async () => {
    const { app, doors, mesh } = await start();
    for (let n = 0; n < 3; n++) await ask(await app.login('bob'), 'room.join', 'r');
    const answers: ((answer: boolean) => void)[] = [];
    doors.canJoin = () => new Promise<boolean>(resolve => answers.push(resolve));
    const withdrawn = mesh.reauthorize('bob');
    await eventually(() => answers.length === 3);
    answers[2]?.(false);
    await eventually(async () => (await mesh.count('r')).connections === 2);
    for (const answer of answers) answer(false);
    await withdrawn;
    expect(await mesh.count('r')).toEqual({ users: 0, connections: 0 });
  });

  it('is withdrawn after lost events, although the authorizer does not answer for other clients', async () => {
    captureLog();
    const { app, doors, mesh } = await start({}, { timeout: 1_000 });
    // More clients than are authorized together.
    const connected = await Promise.all(Array.from({ length: 64 }, () => app.login('alice')));
    await Promise.all(connected.map(client => ask(client, 'room.join', 'r')));
    await ask(await app.login('bob'), 'room.join', 'r');
    const hanging: (() => void)[] = [];
    doors.canJoin = ({ user }) =>
      user?.id !== 'bob' &&
      new Promise(resolve => {
        hanging.push(() => {
          resolve(true);
        });
      });
    const before = performance.now();
    app.nest.get(SubscriptionHub).gap('000000.0-0');
    const isBobIn = async () => (await mesh.members('r')).some(({ user }) => user === 'bob');
    await eventually(async () => !(await isBobIn()));
    expect(performance.now() - before).toBeLessThan(900);
    for (const answer of hanging) answer();
  });

  it('that a cancelled join has looked up is not stored: a later join begins a new right', async () => {
    const { app, doors, mesh } = await start();
    const bob = await app.login('bob');
    const { cursor: since } = await listen(bob);
    const [client] = app.nest.get(ConnectionManager).list();
    let answer: (answer: boolean) => void = () => undefined;
    doors.canJoin = () => new Promise<boolean>(resolve => (answer = resolve));
    const joining = mesh.join(client!, 'r');
    mesh.leave(client!, 'r');
    answer(true);
    await joining;
    await mesh.emitTo({ room: 'r' }, 'said', 'not for bob');
    doors.canJoin = () => true;
    expect(await ask(bob, 'room.join', 'r')).toBe('joined');
    await listen(bob, { since });
    expect(await sentTo(bob)).toEqual([]);
  });

  it('has no effect for a join that the application cancels by leave', async () => {
    const { app, doors, mesh } = await start();
    const [bob] = [await app.login('bob')];
    await listen(bob);
    const [client] = app.nest.get(ConnectionManager).list();
    let answer: (answer: boolean) => void = () => undefined;
    doors.canJoin = () => new Promise<boolean>(resolve => (answer = resolve));
    const joining = mesh.join(client!, 'r');
    mesh.leave(client!, 'r');
    answer(true);
    await joining;
    await mesh.emitTo({ room: 'r' }, 'said', 1);
    expect(await sentTo(bob)).toEqual([]);
  });

  it('is lost if the authorizer fails: the connection closes, and the process continues', async () => {
    captureLog();
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const { app, doors, mesh } = await start();
      const bob = await app.login('bob');
      await listen(bob);
      await ask(bob, 'room.join', 'r');
      doors.canJoin = () => {
        throw new TypeError('database away');
      };
      await mesh.reauthorize('bob');
      await mesh.emitTo({ room: 'r' }, 'said', 1);
      expect(await bob.closed).toMatchObject({ code: 1013 });
      const again = await app.login('bob');
      expect(again.socket.readyState).toBe(1);
      await pause(20);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('presence in a room', () => {
  /** Returns the addressed events that a client has received, without the replies in between. */
  const addressed = async (client: TestClient): Promise<Json[]> => {
    client.sendJson({ type: 'ping' });
    const events: Json[] = [];
    for (;;) {
      const { type, event } = await client.next();
      if (type === 'pong') return events;
      if (type === 'event' && (event as Json).semanticaudience) events.push(event as Json);
    }
  };

  it('reports to members which user enters first and whose last connection leaves', async () => {
    const { app, mesh } = await start({ presence: ['chat.*'] });
    const alice = await app.login('alice');
    await listen(alice);
    alice.emit('room.join', 'chat.a');
    await eventually(async () => (await mesh.count('chat.a')).users === 1);
    const [bob, again] = [await app.login('bob'), await app.login('bob')];
    await ask(bob, 'room.join', 'chat.a');
    await ask(again, 'room.join', 'chat.a');
    expect(await mesh.members('chat.a')).toEqual([
      { user: 'alice', connections: 1 },
      { user: 'bob', connections: 2 },
    ]);
    bob.terminate();
    await eventually(async () => (await mesh.count('chat.a')).connections === 2);
    await ask(again, 'room.leave', 'chat.a');
    const presenceEvents = await addressed(alice);
    expect(presenceEvents.map(({ type, data }) => `${type} ${(data as Json).user}`)).toEqual([
      'presence.joined alice',
      'presence.joined bob',
      'presence.left bob',
    ]);
    expect(await mesh.count('chat.a')).toEqual({ users: 1, connections: 1 });
  });

  it('is not reported in rooms without it, or to clients outside', async () => {
    const { app, mesh } = await start({ presence: ['chat.*'] });
    const [alice, eve] = [await app.login('alice'), await app.login('eve')];
    await listen(alice);
    await listen(eve);
    await ask(eve, 'room.join', 'other');
    alice.emit('room.join', 'chat.a');
    await eventually(async () => (await mesh.count('chat.a')).users === 1);
    expect(await addressed(eve)).toEqual([]);
    expect((await addressed(alice)).map(({ data }) => data)).toEqual([
      { room: 'chat.a', user: 'alice' },
    ]);
    expect(await mesh.count('other')).toEqual({ users: 1, connections: 1 });
  });

  it('does not count a rejected client', async () => {
    const { app, doors, mesh } = await start({ presence: ['**'] });
    doors.denied.add('bob r');
    expect(await ask(await app.login('bob'), 'room.join', 'r')).toBe('FORBIDDEN');
    expect(await mesh.count('r')).toEqual({ users: 0, connections: 0 });
  });

  it.each(['', 'x'.repeat(257), 'a\u0001', 'a\nb', '\ud800', '\uffff', 'a\u009b2J'])(
    'refuses a client that asks for %j, and reports no error of the application',
    async room => {
      const onUnexpected = jest.fn();
      const { app, mesh } = await start({ presence: ['**'] }, {}, RoomGateway, { onUnexpected });
      const alice = await app.login('alice');
      // An event cannot have a lone surrogate.
      if (room.isWellFormed()) expect(await ask(alice, 'room.join', room)).toBe('FORBIDDEN');
      for (const call of [mesh.join(client(), room), mesh.count(room), mesh.members(room)])
        await expect(call).rejects.toMatchObject({ code: 'FORBIDDEN' });
      expect(onUnexpected).not.toHaveBeenCalled();
    },
  );

  it('rejects invalid limits and patterns', async () => {
    const { mesh } = await start();
    await expect(mesh.members('r', 0)).rejects.toThrow('limit');
    await expect(start({ presence: ['a..b'] })).rejects.toThrow('mesh.presence');
  });
});
