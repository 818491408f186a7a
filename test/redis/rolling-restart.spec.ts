import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { SemanticEventsClient } from '../../lib/client/index.js';
import {
  EventData,
  EventMesh,
  SecureGateway,
  SemanticEventsModule,
  SignedEvent,
} from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { Balancer } from '../helpers/balancer.js';
import { eventually, pause } from '../helpers/eventually.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const CLIENTS = 200;
const USERS = 20;
/** The pauses between two requests of a client, and between two published events. Milliseconds. */
const REQUEST_PAUSE = 500;
const EVENT_PAUSE = 100;
/** The default of the clients' `backoff`: the time over which they spread their reconnections, in milliseconds. */
const BACKOFF = 1_000;
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

/** How often a handler has received each request. */
const handled = new Map<string, number>();

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class WorkGateway {
  @SubscribeMessage('work.do')
  @SignedEvent()
  work(@EventData() request: string): string {
    handled.set(request, (handled.get(request) ?? 0) + 1);
    return request;
  }
}

/** A client with the events and gaps that it has received, and its requests with a reply. */
interface Worker {
  readonly client: SemanticEventsClient;
  readonly story: (number | 'gap')[];
  readonly acknowledged: string[];
}

describeWithRedis('a rolling restart of two nodes with 200 clients', () => {
  let server: RedisServer;
  let balancer: Balancer;
  const workers: Worker[] = [];
  /** After which time each client reconnects, in milliseconds. */
  let delays: number[] = [];

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    server = await RedisServer.start();
    balancer = await Balancer.start();
  });
  afterEach(async () => {
    for (const { client } of workers) client.close();
    jest.restoreAllMocks();
    await server.close();
  });

  const startNode = async () => {
    const node = await TestApp.start({
      gateways: [WorkGateway],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        // All clients have one address here.
        connection: { maxConnectionsPerAddress: 2 * CLIENTS, connectRate: 1_000 },
        mesh: { allow: ['news.*'] },
        stores: redisStores({ url: server.url, commandTimeout: 5_000 }),
      }),
    });
    balancer.ports.push(node.port);
    return node;
  };

  const startWorker = async (number: number): Promise<Worker> => {
    const client = new SemanticEventsClient({
      url: `ws://127.0.0.1:${balancer.port}/events`,
      getToken: () => tokenFor(`user-${number % USERS}`),
      WebSocket,
      // All nodes and clients share one process here.
      requestTimeout: 60_000,
      pongTimeout: 60_000,
      connectTimeout: 60_000,
    });
    const story: Worker['story'] = [];
    client.on('gap', () => story.push('gap'));
    client.on('state', ({ state, retryIn = 0 }) => {
      if (state === 'waiting') delays.push(retryIn);
    });
    const { ready } = client.subscribe('news.*', ({ data }) => story.push(data as number));
    await client.connect();
    await ready;
    return { client, story, acknowledged: [] };
  };

  it('loses no acknowledged request and no event, and spreads the reconnections', async () => {
    const nodes = [await startNode(), await startNode()];
    for (const tens of range(CLIENTS / 10))
      workers.push(...(await Promise.all(range(10).map(n => startWorker(tens * 10 + n)))));
    expect(workers).toHaveLength(CLIENTS);

    const over = new AbortController();
    const requests = workers.map(async ({ client, acknowledged }, worker) => {
      for (let number = 0; !over.signal.aborted; number++) {
        const request = `${worker}.${number}`;
        await client.request('work.do', request).then(
          reply => {
            expect(reply.data).toBe(request);
            acknowledged.push(request);
          },
          (error: unknown) => {
            // The reply was lost with the connection: the request was handled once or never.
            expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
          },
        );
        await pause(REQUEST_PAUSE);
      }
    });
    let published = 0;
    const publishing = (async () => {
      for (; !over.signal.aborted; published++) {
        await nodes.at(-1)!.nest.get(EventMesh).emit('news.said', published);
        await pause(EVENT_PAUSE);
      }
    })();

    const restarts: number[][] = [];
    for (const old of [...nodes]) {
      nodes.push(await startNode());
      await pause(200);
      balancer.ports.splice(balancer.ports.indexOf(old.port), 1);
      delays = [];
      await old.nest.close();
      await eventually(() => workers.every(({ client }) => client.state === 'connected'));
      restarts.push(delays);
    }
    over.abort();
    await Promise.all([...requests, publishing]);
    await eventually(() => workers.every(({ story }) => story.includes(published - 1)));

    for (const { story } of workers) expect(story).toEqual(range(published));
    for (const { acknowledged } of workers) {
      expect(acknowledged.length).toBeGreaterThan(2);
      for (const request of acknowledged) expect(handled.get(request)).toBe(1);
    }
    expect(Math.max(...handled.values())).toBe(1);
    for (const spread of restarts) {
      expect(spread.length).toBeGreaterThan(CLIENTS / 4);
      const inTenth = range(10).map(
        tenth => spread.filter(delay => Math.floor((10 * delay) / BACKOFF) === tenth).length,
      );
      // A tenth is the average.
      expect(Math.max(...inTenth)).toBeLessThan(spread.length / 3);
    }
  }, 180_000);
});
