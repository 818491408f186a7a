import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { jest } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import {
  EventMesh,
  OnSemanticEvent,
  type SemanticEvent,
  SemanticEventsModule,
} from '../../lib/index.js';
import { redisStores } from '../../lib/redis/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { FaultyProxy } from '../helpers/faulty-proxy.js';
import { describeWithRedis, RedisServer } from '../helpers/redis-server.js';
import type { OnceReport } from '../helpers/once-node.js';
import { JWT_SECRET, RING_KEY, TestApp } from '../helpers/test-app.js';

const LEASE = 1_500;
const GROUP = 'Worker.work';
const STREAM = 'semantic-events:{se}:events';
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

type Work = (event: SemanticEvent<number>) => unknown;
let work: Work = () => undefined;
let dead: unknown[] = [];

@Injectable()
class Worker {
  @OnSemanticEvent('job.*', { delivery: 'once', deadLetter: 'failed.job', retries: 1 })
  work(event: SemanticEvent<number>) {
    return work.call(this, event);
  }

  @OnSemanticEvent('failed.*')
  failed(event: SemanticEvent) {
    dead.push(event.data);
  }
}

describeWithRedis("a handler with delivery: 'once' on several nodes", () => {
  let server: RedisServer;
  let admin: Redis;
  const lines: FaultyProxy[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
  });
  beforeEach(async () => {
    await admin.flushall();
    dead = [];
    for (const level of ['error', 'warn', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(lines.splice(0).map(line => line.close()));
    jest.restoreAllMocks();
  });
  afterAll(() => server.close());

  const start = async () => {
    const line = await FaultyProxy.start(server.port);
    lines.push(line);
    const app = await TestApp.start({
      gateways: [DemoGateway],
      providers: [Worker],
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        connection: { shutdownTimeout: 500 },
        stores: redisStores({ url: line.url, lease: LEASE, commandTimeout: 2_000 }),
      }),
    });
    await eventually(() => app.nest.get(EventMesh).stats().position !== undefined);
    await eventually(async () => (await admin.xinfo('GROUPS', STREAM).catch(() => '')) !== '');
    return { app, line, worker: app.nest.get(Worker), mesh: app.nest.get(EventMesh) };
  };
  const consumers = async () => {
    const found = await admin.xinfo('CONSUMERS', STREAM, GROUP).catch(() => []);
    return (found as unknown[]).length;
  };
  const pending = async () => ((await admin.xpending(STREAM, GROUP)) as [number, ...unknown[]])[0];

  it('handles each event on one node, and shares the work', async () => {
    const handled: unknown[] = [];
    const nodes = new Set<unknown>();
    work = async function (this: unknown, { data }) {
      nodes.add(this);
      // A node that is busy leaves events to the others.
      await eventually(() => nodes.size > 1);
      handled.push(data);
    };
    const [a] = [await start(), await start(), await start()];
    for (const n of range(300)) await a.mesh.emit('job.done', n);
    await eventually(() => handled.length >= 300);
    await pause(100);
    expect(handled.sort((x, y) => Number(x) - Number(y))).toEqual(range(300));
    expect(await pending()).toBe(0);
  });

  it('handles 1,000 events on three nodes at least once if one is killed, and twice only what that node had not confirmed', async () => {
    const total = 1_000;
    const began = new Map<ChildProcess, Set<number>>();
    const ended = new Set<number>();
    const startProcess = async () => {
      const child = fork('test/helpers/once-node.ts', [server.url, `${LEASE}`], {
        execArgv: ['--import', './sample/run-typescript/register.js'],
      });
      children.push(child);
      began.set(child, new Set());
      let isReady = false;
      child.on('message', (message: OnceReport) => {
        if (message === 'ready') isReady = true;
        else if ('began' in message) began.get(child)?.add(message.began);
        else ended.add(message.ended);
      });
      await eventually(() => isReady);
      return child;
    };
    const [publisher, , killed] = await Promise.all([1, 2, 3].map(startProcess));
    await eventually(async () => (await admin.xinfo('GROUPS', STREAM).catch(() => '')) !== '');
    publisher!.send(total);
    await eventually(() => ended.size >= total / 2);
    killed!.kill('SIGKILL');
    await once(killed!, 'exit');
    // What the killed node has claimed and not confirmed stays in the group until its lease ends.
    const entries = (await admin.xpending(STREAM, GROUP, '-', '+', total)) as [string][];
    const unconfirmed = new Set<unknown>();
    for (const [id] of entries) {
      const [found] = await admin.xrange(STREAM, id, id);
      const text = found?.[1][3] ?? '';
      unconfirmed.add((JSON.parse(text.slice(text.indexOf('{'))) as { data: number }).data);
    }
    await eventually(() => ended.size === total);
    await eventually(async () => (await pending()) === 0);
    const twice = range(total).filter(
      n => [...began.values()].filter(own => own.has(n)).length > 1,
    );
    const inFlight = [...began.get(killed!)!].filter(n => unconfirmed.has(n));
    expect(began.get(killed!)!.size).toBeGreaterThan(0);
    expect(twice.filter(n => !inFlight.includes(n))).toEqual([]);
    expect(twice.length).toBeLessThanOrEqual(inFlight.length);
  });

  it('publishes one dead letter after its retries, and does not retry again', async () => {
    let calls = 0;
    work = () => {
      calls++;
      throw new Error('never');
    };
    const [a] = [await start(), await start()];
    const { id } = await a.mesh.emit('job.bad', 7);
    await eventually(() => dead.length > 0);
    await pause(LEASE);
    expect(calls).toBe(2);
    // Each of the two nodes receives one dead letter.
    expect(dead).toHaveLength(2);
    expect(dead[0]).toMatchObject({ handler: GROUP, event: { id, type: 'job.bad', data: 7 } });
    expect(await pending()).toBe(0);
  });

  it('publishes one dead letter also of an event whose data is too deep to be in another event', async () => {
    work = () => {
      throw new Error('never');
    };
    const a = await start();
    let data: unknown = 1;
    for (let levels = 0; levels < 31; levels++) data = { data };
    const { id } = await a.mesh.emit('job.bad', data);
    await eventually(() => dead.length > 0);
    await eventually(async () => (await pending()) === 0);
    const [letter] = dead as [{ event: SemanticEvent }];
    expect(letter).toMatchObject({ handler: GROUP, event: { id, type: 'job.bad' } });
    expect(letter.event).not.toHaveProperty('data');
    await pause(LEASE);
    expect(dead).toHaveLength(1);
  });

  it('continues with new events after Redis has lost the group', async () => {
    const handled: unknown[] = [];
    work = ({ data }) => handled.push(data);
    const a = await start();
    await a.mesh.emit('job.done', 1);
    await eventually(() => handled.length === 1);
    await admin.flushall();
    await a.mesh.emit('job.done', 2);
    await eventually(() => handled.includes(2));
    expect(handled).toEqual([1, 2]);
  });

  it('does not handle an entry without a valid MAC', async () => {
    const handled: unknown[] = [];
    work = ({ data }) => handled.push(data);
    const a = await start();
    await admin.xadd(STREAM, '*', 'type', 'job.forged', 'text', '{"data":"forged"}');
    // The id of the forged entry is its millisecond, in which the log cannot add an entry any more.
    await pause(2);
    await a.mesh.emit('job.done', 'real');
    await eventually(() => handled.length > 0);
    await pause(100);
    expect(handled).toEqual(['real']);
  });

  it('leaves nothing behind when its node shuts down', async () => {
    let isRunning = false;
    const handled: unknown[] = [];
    work = async ({ data }) => {
      isRunning = true;
      await pause(100);
      handled.push(data);
    };
    const a = await start();
    await a.mesh.emit('job.done', 1);
    await eventually(() => isRunning);
    await a.app.stop();
    expect(handled).toEqual([1]);
    expect(await pending()).toBe(0);
    expect(await consumers()).toBe(0);
  });
});
