import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventData, SecureGateway, SignedEvent } from '../../lib/index.js';
import { eventually, pause } from '../helpers/eventually.js';
import { CONTINUATION, frame, RawPeer, TEXT } from '../helpers/raw-peer.js';
import { TestApp } from '../helpers/test-app.js';

const PING = { type: 'ping' };
/** Refills so slowly that tests gain no token. */
const SLOW = { messageRate: 1e-3 };

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class SlowGateway {
  running = 0;
  private release: (() => void)[] = [];

  @SubscribeMessage('slow')
  @SignedEvent()
  async slow(@EventData() _data: unknown) {
    this.running++;
    await new Promise<void>(resolve => this.release.push(resolve));
    return 'done';
  }

  finish(): void {
    for (const resolve of this.release.splice(0)) resolve();
  }
}

const start = (connection = {}) =>
  TestApp.start({ gateways: [SlowGateway], options: { connection } });

describe('before authentication', () => {
  it('a client may send a few frames, and has its whole limit afterwards', async () => {
    const app = await start();
    const client = await app.connect();
    for (let sent = 0; sent < 30; sent++) client.sendJson(PING);
    const answers = await client.take(30);
    expect(answers.filter(({ type }) => type === 'pong').length).toBeLessThanOrEqual(22);
    expect(answers.at(-1)).toMatchObject({ code: 'RATE_LIMITED' });
    const other = await app.login();
    for (let sent = 0; sent < 100; sent++) other.sendJson(PING);
    expect((await other.take(100)).every(({ type }) => type === 'pong')).toBe(true);
  });

  it('a flood of fragments closes the connection', async () => {
    const app = await start();
    const peer = await RawPeer.open(app.port);
    const empty = frame('', { opcode: CONTINUATION, fin: false });
    peer.write(frame('{', { opcode: TEXT, fin: false }));
    for (let sent = 0; sent < 3; sent++) {
      peer.write(Buffer.concat(Array.from({ length: 300 }, () => empty)));
      await pause(20);
    }
    expect(await peer.closeCode()).toBe(4429);
  });
});

describe('a frame that costs more than one unit', () => {
  it.each([
    ['by its size', 'x'.repeat(60_000), 14],
    ['by its members', Array.from({ length: 5_000 }, () => 0), 30],
  ])('%s is charged its cost', async (_, content, least) => {
    const app = await start({ ...SLOW, messageBurst: 60 });
    const client = await app.login();
    client.sendJson({ ...PING, content });
    for (let sent = 0; sent < 60; sent++) client.sendJson(PING);
    const answers = await client.take(61);
    const refused = answers.filter(({ code }) => code === 'RATE_LIMITED').length;
    expect(refused).toBeGreaterThanOrEqual(least);
    expect(refused).toBeLessThan(60);
  });

  it('is accepted if the bucket is full, however large it is', async () => {
    const app = await start({ ...SLOW, messageBurst: 5 });
    const client = await app.login();
    // The log-in has cost one unit.
    await client.settled();
    const fresh = await app.login();
    fresh.sendJson(PING);
    expect((await fresh.next()).type).toBe('pong');
  });
});

describe('many connections of one user', () => {
  it('share one budget', async () => {
    const app = await start({ ...SLOW, messageBurst: 10, maxStrikes: 1_000 });
    let passed = 0;
    for (let opened = 0; opened < 8; opened++) {
      const client = await app.login('mallory');
      for (let sent = 0; sent < 10; sent++) client.sendJson(PING);
      passed += (await client.take(10)).filter(({ type }) => type === 'pong').length;
    }
    expect(passed).toBeLessThanOrEqual(40);
    const other = await app.login('alice');
    other.sendJson(PING);
    expect((await other.next()).type).toBe('pong');
  });
});

describe('rejections that a client can cause at will', () => {
  it('are strikes: repeated, they close the connection', async () => {
    const app = await start({ maxStrikes: 3 });
    const client = await app.login();
    for (let sent = 0; sent < 5; sent++) client.emit('nobody.handles.this');
    expect((await client.closed).code).toBe(4429);
  });
});

describe('handlers that do not finish', () => {
  it('use at most the maximum memory of one user, and are all called in the end', async () => {
    const app = await start({ messageRate: 1e6, messageBurst: 1e6 });
    const gateway = app.nest.get(SlowGateway);
    const data = Array.from({ length: 20_000 }, () => ({}));
    const clients = await Promise.all(Array.from({ length: 6 }, () => app.login('mallory')));
    for (const client of clients) for (let n = 0; n < 4; n++) client.emit('slow', data);
    await eventually(() => gateway.running >= 2);
    await clients[0]!.settled(100);
    // Each takes an estimated 2.7 MB after parsing, and a user has 4 MiB.
    expect(gateway.running).toBe(2);
    await eventually(() => {
      gateway.finish();
      return gateway.running === 24;
    });
  });
});
