import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { INestApplication, WebSocketAdapter } from '@nestjs/common';
import { EventMesh, SemanticEventsAdapter, SemanticEventsModule } from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { SemanticEventsIoAdapter } from '../../lib/transports/socket.io/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { IoClient } from '../helpers/io-client.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

const USERS = [
  'alice',
  'bob',
  'bob.smith',
  '*',
  '**',
  'a b',
  '😀',
  'r:bob',
  'u:bob',
  'user',
  'Bob',
].concat(['bob ', '__proto__', 'a..b', '.', '{bob}', 'é', 'e\u0301', '0', 'x'.repeat(256)]);
const CONNECTIONS_PER_USER = 10;
const MAX_LOOKS = 40;
const range = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n);

/** A client of one of the transports. */
interface Peer {
  send(type: string, members?: Json): void;
  /** Returns the next frame. */
  next(): Promise<Json>;
  terminate(): void;
}

interface Transport {
  readonly adapter: new (app: INestApplication) => WebSocketAdapter;
  login(app: TestApp, user: string): Promise<Peer>;
}

const TRANSPORTS: Record<string, Transport> = {
  ws: {
    adapter: SemanticEventsAdapter,
    login: async (app, user) => {
      const client = await app.login(user);
      return {
        send: (type, members) => {
          client.sendJson({ type, ...members });
        },
        next: () => client.next(),
        terminate: () => {
          client.terminate();
        },
      };
    },
  },
  'Socket.IO': {
    adapter: SemanticEventsIoAdapter,
    login: async (app, user) => {
      const client = await IoClient.login(app, user);
      const prefix = 'semantic-events:';
      return {
        send: (type, members) =>
          client.socket.emit(type === 'ping' ? `${prefix}ping` : type, members),
        next: async () => {
          await eventually(() => client.received.length > 0);
          const { name, body } = client.received.shift()!;
          return { ...body, type: name.replace(prefix, '') };
        },
        terminate: () => {
          client.socket.io.engine.close();
        },
      };
    },
  },
};

/** A connection of a user and what it has received. */
interface Listener {
  readonly user: string;
  client: Peer;
  readonly story: (number | 'gap')[];
  cursor: string;
}

describeWithRedis('events addressed to one of 20 users, with 200 clients on two nodes', () => {
  let server: RedisServer;

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    server = await RedisServer.start();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await server.close();
  });

  const startNode = (adapter: Transport['adapter']) =>
    TestApp.start({
      adapter,
      gateways: [DemoGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        connection: { maxConnectionsPerAddress: 1_000 },
        stores: redisStores({ url: server.url, commandTimeout: 2_000 }),
      }),
    });
  const subscribe = async (client: Peer, since?: string): Promise<string> => {
    client.send('subscribe', { patterns: ['news.*'], scope: 'own', since });
    const answer = await client.next();
    expect(answer.type).toBe('subscribed');
    return answer.cursor as string;
  };
  const listen = async (client: Peer, user: string): Promise<Listener> => {
    return { user, client, story: [], cursor: await subscribe(client) };
  };
  /** Records everything that a listener has received. */
  const read = async (listener: Listener): Promise<void> => {
    listener.client.send('ping');
    for (;;) {
      const { type, event, cursor } = await listener.client.next();
      if (type === 'pong') return;
      expect(type).not.toBe('error');
      if (type === 'gap') listener.story.push('gap');
      if (type === 'event') listener.story.push((event as Json).data as number);
      if (typeof cursor === 'string') listener.cursor = cursor;
    }
  };
  /**
   * The events of each user have their own range of numbers, so that a misdelivered one is
   * noticed.
   */
  const numberOf = (user: string, n: number) => 1_000 * USERS.indexOf(user) + n;
  /** Waits until every listener has received the event with this number of its user. */
  const received = async (listeners: readonly Listener[], last: number): Promise<void> => {
    const isShort = ({ user, story }: Listener) => !story.includes(numberOf(user, last));
    for (let looks = 0; listeners.some(isShort); looks++) {
      if (looks === MAX_LOOKS)
        throw new Error(
          JSON.stringify(listeners.filter(isShort).map(({ user, story }) => [user, story])),
        );
      // Each check costs every client a frame of its budget.
      await pause(200);
      await Promise.all(listeners.map(read));
    }
  };

  it.each(Object.entries(TRANSPORTS))(
    'reach over %s every connection of that user only, once and in order, also after a resume on the other node and a restart of Redis',
    async (_, { adapter, login }) => {
      const apps = [await startNode(adapter), await startNode(adapter)] as const;
      const meshes = apps.map(app => app.nest.get(EventMesh));
      const listeners: Listener[] = [];
      for (const user of USERS)
        for (const at of range(CONNECTIONS_PER_USER))
          listeners.push(await listen(await login(apps[at % 2] as TestApp, user), user));
      const publish = async (numbers: readonly number[]) => {
        for (const n of numbers)
          for (const [at, user] of USERS.entries())
            await meshes[(at + n) % 2]?.emitTo({ user }, 'news.said', numberOf(user, n));
      };

      await publish(range(5));
      await received(listeners, 4);
      // Half of the clients reconnect to the other node, and miss some events in between.
      const away = listeners.filter((_, at) => at % 4 < 2);
      for (const { client } of away) client.terminate();
      await publish(range(5, 5));
      for (const [at, listener] of away.entries()) {
        listener.client = await login(apps[(at + 1) % 2] as TestApp, listener.user);
        await subscribe(listener.client, listener.cursor);
      }
      await publish(range(5, 10));
      await received(listeners, 14);
      for (const { user, story } of listeners)
        expect(story).toEqual(range(15).map(n => numberOf(user, n)));

      // Redis restarts empty. A node may connect to it after the first events: the gap covers them,
      // and comes before all others.
      await server.kill();
      await server.restart();
      for (const mesh of meshes)
        await eventually(() =>
          mesh.emitTo({ user: 'nobody' }, 'news.said', 0).then(
            () => true,
            () => false,
          ),
        );
      await publish(range(5, 15));
      await received(listeners, 19);
      for (const { user, story } of listeners) {
        expect(story.indexOf('gap')).toBe(15);
        const later = story.slice(15).filter(item => item !== 'gap');
        expect(later).toEqual(range(later.length, 20 - later.length).map(n => numberOf(user, n)));
      }
    },
  );
});
