import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Injectable } from '@nestjs/common';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { WebSocketServer as Server } from 'ws';
import {
  ConnectionManager,
  EventAuthorizer,
  SecureGateway,
  SemanticEventsModule,
} from '../../lib/index.js';
import { eventually } from '../helpers/eventually.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const ROOT = join(import.meta.dirname, '../..');
const CONNECTIONS = 10;
const MEBIBYTE = 1_048_576;

/** Never decides, so that requests stay pending. */
@Injectable()
class Undecided extends EventAuthorizer {
  canPublish() {
    return true;
  }

  async canSubscribe(): Promise<boolean> {
    return new Promise<boolean>(() => undefined);
  }
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class HeldGateway {
  @WebSocketServer() server!: Server;
  private readonly waiting: (() => void)[] = [];
  running = 0;
  large = 0;

  finish(): void {
    for (const resolve of this.waiting) resolve();
  }

  @SubscribeMessage('held.wait')
  async wait(@MessageBody() data: unknown): Promise<unknown> {
    this.running++;
    if (Array.isArray(data) && data.length > 10_000) this.large++;
    // A pending handler references its data as long as something can still end it.
    await new Promise<void>(resolve => this.waiting.push(resolve));
    return data;
  }
}

/** Returns the bytes in use: objects, and buffers outside of the heap. */
function used(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Waits until what is no longer needed is freed, also that of earlier suites of this process. Returns the bytes in use. */
async function settled(): Promise<number> {
  let least = used();
  for (let stable = 0, looks = 0; stable < 5 && looks < 40; looks++) {
    await delay(50);
    const now = used();
    stable = now < least - 65_536 ? 0 : stable + 1;
    least = Math.min(least, now);
  }
  return least;
}

/** Returns the maximum that the page states, in bytes. */
function statedCeiling(): number {
  const page = readFileSync(join(ROOT, 'docs/operating.md'), 'utf8');
  const [, mebibytes] = /A connection uses at most (\d+) MiB/.exec(page) ?? [];
  return Number(mebibytes) * MEBIBYTE;
}

it('a connection uses no more memory than docs/operating.md states', async () => {
  const app = await TestApp.start({
    gateways: [HeldGateway],
    module: SemanticEventsModule.forRoot({
      signing: { keys: [RING_KEY] },
      auth: { jwt: { secret: JWT_SECRET } },
      // The clients send everything at once.
      connection: { messageRate: 10_000, messageBurst: 20_000 },
      providers: [{ provide: EventAuthorizer, useClass: Undecided }],
    }),
  });
  const gateway = app.nest.get(HeldGateway);
  const tokens = Array.from({ length: CONNECTIONS }, (_, n) => tokenFor(`user-${n}`));
  const before = await settled();
  const client = spawn(
    process.execPath,
    [join(ROOT, 'test/helpers/costly-client.js'), String(app.port), ...tokens],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    await once(client.stdout, 'data');
    await eventually(() => gateway.large === CONNECTIONS);
    fillQueues(gateway.server);
    const each = ((await settled()) - before) / CONNECTIONS;
    // No connection was closed for the memory it uses.
    expect(app.nest.get(ConnectionManager).count).toBe(CONNECTIONS);
    expect(each).toBeLessThan(statedCeiling());
    // Otherwise the maximum proves nothing.
    expect(each).toBeGreaterThan(statedCeiling() / 3);
  } finally {
    const ended = once(client, 'exit');
    client.stdin.end();
    gateway.finish();
    await ended;
  }
  // On a busy machine with the heap of earlier suites, each collection takes a second.
}, 120_000);

/** Sends each client as much as may be pending. */
function fillQueues({ clients }: Server): void {
  const maxBufferedBytes = MEBIBYTE;
  const size = 32_768;
  for (const socket of clients)
    for (let sent = 0; sent < 1_000 && socket.bufferedAmount < maxBufferedBytes - 2 * size; sent++)
      socket.send(Buffer.alloc(size, sent));
}
