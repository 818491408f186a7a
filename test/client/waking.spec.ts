import { watchPage } from '../../lib/client/wake-source.js';
import { ClientBench, settled } from '../helpers/client-bench.js';
import { eventually } from '../helpers/eventually.js';

/** Creates a bench whose network wakes up when the test says so. */
function wakeable() {
  let wake: (() => void) | undefined;
  const bench = new ClientBench({
    wakeSource: callback => {
      wake = callback;
      return () => {
        wake = undefined;
      };
    },
  });
  return { bench, wake: () => wake?.(), isWatched: () => wake !== undefined };
}

describe('a client whose device or network wakes up', () => {
  it('reconnects at once if it waits', async () => {
    const { bench, wake } = wakeable();
    (await bench.connected()).drop();
    await bench.state('waiting');
    wake();
    wake();

    expect(bench.client.state).toBe('connecting');
    await bench.connected(2);
    expect(bench.sockets).toHaveLength(2);
  });

  it('does not reconnect before the time that the server sent', async () => {
    const { bench, wake } = wakeable();
    void bench.client.connect();
    const socket = await bench.socket();
    socket.open();
    socket.refuse('RATE_LIMITED', { retry_after: 60 });
    socket.drop(4429, 'RATE_LIMITED');
    await bench.state('waiting');
    wake();
    expect(bench.client.state).toBe('waiting');

    bench.clock.advance(60_000);
    wake();
    await eventually(() => bench.sockets.length === 2);
  });

  it('pings an open connection, and closes it without an answer', async () => {
    const { bench, wake } = wakeable();
    const socket = await bench.connected();
    wake();
    expect(socket.frames('ping')).toHaveLength(2);
    bench.clock.advance(9_999);
    await settled();
    expect(bench.client.state).toBe('connected');
    bench.clock.advance(1);
    await bench.state('waiting');

    expect(bench.codes).toEqual(['TIMEOUT']);
  });

  it('keeps a connection that answers, and pings once however often it wakes', async () => {
    const { bench, wake } = wakeable();
    const socket = await bench.connected();
    for (let time = 0; time < 10; time++) wake();
    expect(socket.frames('ping')).toHaveLength(2);
    socket.receive({ type: 'pong', time: '2026-11-23T10:00:00Z' });
    bench.clock.advance(20_000);
    await settled();

    expect(bench.client.state).toBe('connected');
  });

  it('keeps a good connection whose answer is still unread when a late timer fires', async () => {
    const { bench } = wakeable();
    const socket = await bench.connected();
    bench.clock.advance(25_000);
    expect(socket.frames('ping')).toHaveLength(2);
    // The lid is closed: nothing runs for an hour, and then the timer fires before the answer.
    bench.clock.sleep(3_600_000);
    await settled();
    expect(bench.client.state).toBe('connected');
    expect(socket.frames('ping')).toHaveLength(3);
    socket.receive({ type: 'pong', time: '2026-11-23T11:00:00Z' });
    bench.clock.advance(10_000);
    await settled();

    expect(bench.client.state).toBe('connected');
  });

  it('closes a dead connection after sleep as soon as a ping times out', async () => {
    const { bench } = wakeable();
    await bench.connected();
    bench.clock.advance(25_000);
    bench.clock.sleep(3_600_000);
    bench.clock.advance(10_000);
    await bench.state('waiting');

    expect(bench.codes).toEqual(['TIMEOUT']);
  });

  it('closes a dead connection in a hidden tab, where every timer is late', async () => {
    const { bench } = wakeable();
    const socket = await bench.connected();
    for (let minute = 0; minute < 3; minute++) bench.clock.sleep(60_000);
    await bench.state('waiting');

    expect(bench.codes).toEqual(['TIMEOUT']);
    expect(socket.frames('ping')).toHaveLength(3);
  });

  it('is not watched before connect() or after disconnect() or close()', async () => {
    const { bench, isWatched } = wakeable();
    expect(isWatched()).toBe(false);
    await bench.connected();
    expect(isWatched()).toBe(true);
    bench.client.disconnect();
    expect(isWatched()).toBe(false);
    await bench.connected(2);
    bench.client.close();
    expect(isWatched()).toBe(false);
  });

  it('stops a wake source once', async () => {
    let stops = 0;
    const bench = new ClientBench({ wakeSource: () => () => stops++ });
    await bench.connected();
    bench.client.disconnect();
    bench.client.disconnect();
    bench.client.close();

    expect(stops).toBe(1);
  });

  it('connects even if the wake source throws, and reports it', async () => {
    const cause = new Error('no network module');
    const bench = new ClientBench({
      wakeSource: () => {
        throw cause;
      },
    });
    await bench.connected();

    expect(bench.errors).toMatchObject([{ code: 'HANDLER_FAILED', cause }]);
  });
});

describe('wake events of a page', () => {
  const globals = globalThis as Record<string, unknown>;
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });

  beforeEach(() => {
    globals.addEventListener = page.addEventListener.bind(page);
    globals.removeEventListener = page.removeEventListener.bind(page);
    globals.document = document;
  });

  afterEach(() => {
    for (const name of ['addEventListener', 'removeEventListener', 'document'])
      Reflect.deleteProperty(globals, name);
  });

  it('are online, pageshow and a page that becomes visible, until it stops', () => {
    let woken = 0;
    const stop = watchPage(() => woken++);
    page.dispatchEvent(new Event('online'));
    page.dispatchEvent(new Event('pageshow'));
    expect(woken).toBe(2);
    document.dispatchEvent(new Event('visibilitychange'));
    expect(woken).toBe(2);
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    expect(woken).toBe(3);

    stop();
    page.dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange'));
    expect(woken).toBe(3);
  });
});

describe('an event that the server considers expired', () => {
  it("is rejected, and the next one uses the server's time", async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const failed = bench.client.request('a').catch((e: unknown) => e);
    socket.refuse('EVENT_EXPIRED', { id: (await socket.event()).id });
    expect(await failed).toMatchObject({ code: 'EVENT_EXPIRED', retryable: true });

    const reply = bench.client.request('b');
    await settled();
    // It waits for the answer to have the right time.
    expect(socket.events).toHaveLength(1);
    expect(socket.frames('ping')).toHaveLength(2);
    socket.receive({ type: 'pong', time: '2031-01-01T00:00:00Z' });
    const event = await socket.event(2);
    expect(event.time).toBe('2031-01-01T00:00:00.000Z');
    socket.reply(event);
    await reply;
  });

  it('does not block a client whose server never sends the time', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const id = await bench.client.emit('a');
    socket.refuse('EVENT_EXPIRED', { id });
    await settled();
    void bench.client.emit('b');
    bench.clock.advance(10_000);
    await bench.state('waiting');
    const next = await bench.connected(2);

    expect((await next.event()).type).toBe('b');
  });
});
