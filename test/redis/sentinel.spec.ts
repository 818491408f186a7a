import { setTimeout as wait } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SemanticEventsModule, SessionRegistry, TicketService } from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { byRing } from '../helpers/by-ring.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually } from '../helpers/eventually.js';
import { RedisSentinels } from '../helpers/redis-sentinels.js';
import { describeWithRedis } from '../helpers/redis-server.js';
import { stopwatch } from '../helpers/stopwatch.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

/** The time by which a busy machine may delay a recovery, beyond what is promised. */
const BUSY = 3_000;
const PATIENCE = 30_000;
const AMPLE = 10_000;

/** A node, and a producer that sends an event again until the answer is final. */
class Node {
  private connection: Promise<TestClient> | undefined;
  private readonly waiting = new Map<string, (code: string) => void>();

  constructor(private readonly app: TestApp) {}

  get tickets(): TicketService {
    return this.app.nest.get(TicketService);
  }

  get sessions(): SessionRegistry {
    return this.app.nest.get(SessionRegistry);
  }

  /** Returns the data of the handled events. */
  get handled(): unknown[] {
    return this.app.nest.get(DemoGateway).calls;
  }

  /** Returns a client that signs events. */
  signer(): Promise<TestClient> {
    return this.app.login();
  }

  /** Returns the final answer to an event: 'event' if it was accepted, or a code. */
  async deliver(event: Json): Promise<string> {
    const elapsed = stopwatch();
    for (;;) {
      const answer = await this.send(event).catch(() => 'closed');
      if (answer !== 'UNAVAILABLE' && answer !== 'closed') return answer;
      if (elapsed() > PATIENCE) throw new Error(`an event was never decided: ${answer}`);
      await wait(100);
    }
  }

  /** Returns the answer to a token or ticket: 'auth_success', or a code. */
  async authenticate(credential: string): Promise<string> {
    const client = await this.app.connect();
    const { type, code } = await client.authenticate(credential);
    client.terminate();
    return (code ?? type) as string;
  }

  private async send(event: Json): Promise<string> {
    const client = await (this.connection ??= this.connect().catch((error: unknown) => {
      this.connection = undefined;
      throw error;
    }));
    return new Promise(resolve => {
      this.waiting.set(event.id as string, resolve);
      client.sendJson({ type: 'event', event });
    });
  }

  private async connect(): Promise<TestClient> {
    const client = await this.app.login();
    client.socket.on('message', () => {
      for (const { type, code, id, event } of client.received.splice(0)) {
        const sent = (id ?? event?.semanticcorrelationid) as string;
        this.waiting.get(sent)?.((code ?? type) as string);
      }
    });
    void client.closed.then(() => {
      this.connection = undefined;
      for (const answer of this.waiting.values()) answer('closed');
    });
    return client;
  }
}

describeWithRedis('two nodes on a primary that Sentinel replaces', () => {
  let servers: RedisSentinels;
  let stopLoad: () => void = () => undefined;

  beforeEach(async () => {
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    servers = await RedisSentinels.start();
  }, 120_000);

  afterEach(async () => {
    stopLoad();
    jest.restoreAllMocks();
    await servers.close();
  });

  const start = async () =>
    new Node(
      await TestApp.start({
        gateways: [DemoGateway],
        module: SemanticEventsModule.forRoot({
          signing: { keys: [RING_KEY] },
          auth: { jwt: { secret: JWT_SECRET }, attempts: { rate: AMPLE, burst: AMPLE } },
          connection: { messageRate: AMPLE, connectRate: AMPLE, maxConnectionsPerAddress: AMPLE },
          stores: redisStores({ client: servers.client() }),
        }),
      }),
    );

  it.each<[string, (servers: RedisSentinels) => Promise<void>]>([
    ['which was killed', ({ primary }) => primary.kill()],
    ['as an operator asked for', sentinels => sentinels.failOver()],
  ])(
    'keep what they promise: %s',
    async (_, failOver) => {
      const nodes = [await start(), await start()] as const;
      const [one, other] = nodes;
      const signer = await one.signer();
      const sent = new Map<Json, string>();
      const stopped = new AbortController();
      stopLoad = () => {
        stopped.abort();
      };
      const load = (async () => {
        const deliveries: Promise<unknown>[] = [];
        for (let n = 0; !stopped.signal.aborted; n++) {
          const event = byRing(signer, 'demo.echo', n);
          const delivery = nodes[n & 1]!.deliver(event).then(answer => sent.set(event, answer));
          // A failed test must not leave rejections behind.
          delivery.catch(() => undefined);
          deliveries.push(delivery);
          await wait(5);
        }
        await Promise.all(deliveries);
      })();
      await wait(500);
      const issued = Array.from({ length: 20 }, () => one.tickets.issue({ id: 'alice' }).ticket);
      const used = issued.splice(0, 10);
      for (const ticket of used) expect(await one.authenticate(ticket)).toBe('auth_success');
      const ended = ['before', 'meanwhile', 'after'].map(sid => ({
        sid,
        token: tokenFor('bob', { sid }),
      }));
      one.sessions.end('before');

      await failOver(servers);
      one.sessions.end('meanwhile');
      await servers.hasFailedOver();
      const elapsed = stopwatch();
      const isBack = async (node: Node) =>
        (await node.deliver(byRing(signer, 'demo.echo', 'new'))) === 'event';
      for (const node of nodes) await eventually(() => isBack(node));
      const took = elapsed();
      const third = await start();
      // The former primary may accept writes for a while. No node may still use it.
      for (let n = 0; n < 100; n++) {
        const event = byRing(signer, 'demo.echo', `everywhere-${n}`);
        const answers = await Promise.all([...nodes, third].map(node => node.deliver(event)));
        expect(answers.filter(answer => answer === 'event').length).toBeLessThanOrEqual(1);
        await wait(20);
      }
      other.sessions.end('after');
      stopLoad();
      await load;

      const times = (data: unknown) =>
        nodes.flatMap(({ handled }) => handled).filter(found => found === data).length;
      const answers: Record<string, number> = {};
      for (const [{ data }, answer] of sent) {
        answers[answer] = (answers[answer] ?? 0) + 1;
        // An answer may be lost with its connection: then the event sent again is a replay.
        const atLeast = answer === 'event' || answer === 'REPLAY_DETECTED' ? 1 : 0;
        expect(times(data)).toBeGreaterThanOrEqual(atLeast);
        expect(times(data)).toBeLessThanOrEqual(1);
      }
      expect(['event', 'EVENT_EXPIRED', 'REPLAY_DETECTED']).toEqual(
        expect.arrayContaining(Object.keys(answers)),
      );
      expect(answers.event).toBeGreaterThan(50);
      // The other node is where an attacker would repeat them.
      const repeated = [...sent.keys()].map(event => other.deliver(event));
      expect(await Promise.all(repeated)).not.toContain('event');

      for (const ticket of used) expect(await other.authenticate(ticket)).toBe('AUTH_FAILED');
      const redeemed = issued.flatMap(ticket => nodes.map(node => node.authenticate(ticket)));
      expect(new Set(await Promise.all(redeemed))).toEqual(new Set(['AUTH_FAILED']));
      const { ticket } = one.tickets.issue({ id: 'alice' });
      const twice = await Promise.all(nodes.map(node => node.authenticate(ticket)));
      expect(twice.sort()).toEqual(['AUTH_FAILED', 'auth_success']);

      for (const node of [...nodes, await start()])
        for (const { sid, token } of ended) {
          await eventually(() => node.sessions.hasEnded({ id: 'alice', sessionId: sid }));
          expect(await node.authenticate(token)).toBe('AUTH_FAILED');
        }
      expect(took).toBeLessThan(2_000 + BUSY);
    },
    180_000,
  );
});
