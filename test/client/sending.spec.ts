import { ClientBench, failureOf, settled } from '../helpers/client-bench.js';
import { signatureOf } from '../helpers/test-client.js';

describe('an event', () => {
  it('is signed with the key of the connection, and has every attribute of a signed event', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const id = await bench.client.emit(
      'ui.click',
      { z: 1, a: ['ü', 1e21, null, { '10': 1, '9': 2 }] },
      { attributes: { subject: 'button', semantictags: 'a,b', tenant: 7 } },
    );
    const event = await socket.event();

    expect(event).toEqual({
      specversion: '1.0',
      id,
      type: 'ui.click',
      source: 'user:alice',
      time: '2026-11-23T10:00:00.000Z',
      semanticnonce: expect.stringMatching(/^[\w-]{16,128}$/),
      subject: 'button',
      semantictags: 'a,b',
      tenant: 7,
      data: { z: 1, a: ['ü', 1e21, null, { '10': 1, '9': 2 }] },
      semanticsignature: signatureOf(event, socket.signing, 'c2s'),
    });
  });

  it('has the source of the options or of its attributes', async () => {
    const bench = new ClientBench({ source: 'app' });
    const socket = await bench.connected();
    void bench.client.emit('a');
    void bench.client.emit('b', 1, { attributes: { source: 'device' } });

    expect((await socket.event(1)).source).toBe('app');
    expect((await socket.event(2)).source).toBe('device');
  });

  it('percent-encodes a user id in its source as the server expects', async () => {
    const bench = new ClientBench();
    const opened = bench.client.connect();
    const socket = await bench.socket();
    socket.open();
    socket.welcome({ user_id: 'a/b c' });
    await opened;
    void bench.client.emit('a');

    expect((await socket.event()).source).toBe('user:a%2Fb%20c');
  });

  it('is copied at the call, whatever happens to its data later', async () => {
    const bench = new ClientBench();
    const data = { text: 'as it was' };
    void bench.client.emit('a', data);
    data.text = 'changed';
    const socket = await bench.connected();

    expect((await socket.event()).data).toEqual({ text: 'as it was' });
  });

  it("has the time of sending, by the server's clock", async () => {
    const bench = new ClientBench();
    void bench.client.emit('waited');
    bench.clock.advance(600_000);
    const opened = bench.client.connect();
    const socket = await bench.socket();
    socket.open();
    socket.receive({ type: 'pong', time: '2031-01-01T00:00:00Z' });
    socket.welcome();
    await opened;

    expect((await socket.event()).time).toBe('2031-01-01T00:00:00.000Z');
  });

  it('uses the local clock if the server sends no time', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.receive({ type: 'pong', time: 'soon' });
    await settled();
    void bench.client.emit('a');

    expect((await socket.event()).time).toBe('2026-11-23T10:00:00.000Z');
  });

  it('is sent in order', async () => {
    const bench = new ClientBench();
    const types = Array.from({ length: 50 }, (_, index) => `n${index}`);
    for (const type of types.slice(0, 25)) void bench.client.emit(type);
    const socket = await bench.connected();
    for (const type of types.slice(25)) void bench.client.emit(type);
    await socket.event(50);

    expect(socket.events.map(({ type }) => type as string)).toEqual(types);
  });

  it.each([
    ['a bigint', { n: 1n }],
    ['a cycle', Object.assign([] as unknown[], { 0: undefined })],
  ])('is rejected at once if it contains %s', async (what, data) => {
    if (what === 'a cycle') (data as unknown[])[0] = data;
    const bench = new ClientBench();

    expect(await failureOf(bench.client.request('a', data))).toMatchObject({
      code: 'INVALID_EVENT',
      retryable: false,
      eventType: 'a',
      cause: expect.any(TypeError),
    });
    expect((await failureOf(bench.client.emit('a', data))).code).toBe('INVALID_EVENT');
  });

  it('is rejected if it is nested too deeply to sign, without affecting others', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    let data: unknown = 0;
    for (let depth = 0; depth < 4_000; depth++) data = [data];
    const failed = failureOf(bench.client.request('deep', data, { timeout: 1_000 }));
    void bench.client.emit('flat');
    await socket.frame('event').catch(() => undefined);
    await settled();
    bench.clock.advance(1_000);

    expect(['INVALID_EVENT', 'TIMEOUT']).toContain((await failed).code);
    expect(socket.events.map(({ type }) => type as string)).toContain('flat');
  });

  it.each([undefined, null, 7, {}, Symbol('a')])(
    'is rejected if its type is not a string: %p',
    async type => {
      const bench = new ClientBench();
      const socket = await bench.connected();

      expect(await failureOf(bench.client.request(type as string))).toMatchObject({
        code: 'INVALID_EVENT',
        message: 'type must be a string',
      });
      await settled();
      expect(socket.events).toEqual([]);
    },
  );

  it('is rejected if the socket refuses it, without affecting others', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const send = socket.send.bind(socket);
    socket.send = data => {
      if (data.includes('"reserved"')) throw new Error('a reserved name');
      send(data);
    };

    expect(await failureOf(bench.client.emit('reserved'))).toMatchObject({
      code: 'INVALID_EVENT',
      message: 'a reserved name',
      eventType: 'reserved',
    });
    expect((await failureOf(bench.client.request('reserved'))).code).toBe('INVALID_EVENT');
    await bench.client.emit('a');
    expect(socket.events.map(({ type }) => type as string)).toEqual(['a']);
  });

  it("is not sent if it exceeds the server's size limit in bytes", async () => {
    const bench = new ClientBench({ maxMessageSize: 1_000 });
    const socket = await bench.connected();

    expect(await failureOf(bench.client.emit('a', 'ü'.repeat(400)))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      eventType: 'a',
    });
    expect((await failureOf(bench.client.request('a', 'x'.repeat(1_000)))).code).toBe(
      'MESSAGE_TOO_LARGE',
    );
    await bench.client.emit('a', 'x'.repeat(400));
    expect(socket.events).toHaveLength(1);
    // An emit that is not awaited is reported as an error event. A request only rejects.
    expect(bench.codes).toEqual(['MESSAGE_TOO_LARGE']);
  });
});

describe('the queue', () => {
  it('has a limit, and rejects beyond it', async () => {
    const bench = new ClientBench({ maxQueued: 3 });
    const accepted = [1, 2, 3].map(n => bench.client.emit('a', n));

    expect(await failureOf(bench.client.emit('a', 4))).toMatchObject({
      code: 'QUEUE_FULL',
      retryable: true,
    });
    expect((await failureOf(bench.client.request('a', 4))).code).toBe('QUEUE_FULL');
    const socket = await bench.connected();
    await Promise.all(accepted);
    expect(socket.events.map(({ data }) => data as number)).toEqual([1, 2, 3]);
    await bench.client.emit('a', 5);
  });

  it('limits unanswered requests, too', async () => {
    const bench = new ClientBench({ maxQueued: 2 });
    const socket = await bench.connected();
    const first = bench.client.request('a');
    void bench.client.request('b');
    const request = await socket.event(1);
    await socket.event(2);
    expect((await failureOf(bench.client.request('c'))).code).toBe('QUEUE_FULL');
    await settled();
    expect(socket.events).toHaveLength(2);

    socket.reply(request);
    await first;
    void bench.client.request('d');
    await socket.event(3);
  });

  it("waits while the socket's buffer is full", async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.bufferedAmount = 2 ** 20 + 1;
    void bench.client.emit('a');
    await settled();
    bench.clock.advance(1_000);
    await settled();
    expect(socket.events).toEqual([]);

    socket.bufferedAmount = 0;
    bench.clock.advance(50);
    await socket.event();
  });
});

describe('a request', () => {
  it('resolves with its own reply only', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const first = bench.client.request('first');
    const second = bench.client.request('second');
    const [one, two] = [await socket.event(1), await socket.event(2)];
    socket.reply(two, 2);
    socket.reply(one, 1);

    expect(await first).toMatchObject({
      type: 'first.reply',
      data: 1,
      semanticcorrelationid: one.id,
    });
    expect(await second).toMatchObject({ type: 'second.reply', data: 2 });
  });

  it.each([true, false])('times out without an answer; sent: %s', async isSent => {
    const bench = new ClientBench();
    const socket = isSent ? await bench.connected() : undefined;
    const failed = failureOf(bench.client.request('slow', 1, { timeout: 500 }));
    await settled();
    bench.clock.advance(500);

    expect(await failed).toMatchObject({ code: 'TIMEOUT', retryable: true, eventType: 'slow' });
    const later = socket ?? (await bench.connected());
    await settled();
    // A request that timed out before it was sent is not sent.
    expect(later.events).toHaveLength(isSent ? 1 : 0);
  });

  it('times out after ten seconds by default', async () => {
    const bench = new ClientBench({ pingInterval: 0 });
    await bench.connected();
    const failed = failureOf(bench.client.request('slow'));
    bench.clock.advance(9_999);
    await settled();
    bench.clock.advance(1);

    expect((await failed).code).toBe('TIMEOUT');
  });

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31, '5'])('rejects a timeout of %p', async timeout => {
    const bench = new ClientBench();
    const options = { timeout: timeout as number };

    expect((await failureOf(bench.client.request('a', 1, options))).code).toBe('INVALID_EVENT');
  });

  it('rejects with the error of the server', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const failed = failureOf(bench.client.request('admin'));
    const { id } = await socket.event();
    socket.refuse('FORBIDDEN', { id });

    expect(await failed).toMatchObject({
      name: 'SemanticEventsClientError',
      message: 'FORBIDDEN',
      code: 'FORBIDDEN',
      retryable: false,
      eventId: id,
      eventType: 'admin',
    });
    expect(bench.errors).toEqual([]);
  });
});

describe('a rejection', () => {
  it('of an emitted event is an error event', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const eventId = await bench.client.emit('chat.said');
    socket.refuse('INVALID_EVENT', { id: eventId });
    await settled();

    expect(bench.errors).toMatchObject([
      { code: 'INVALID_EVENT', eventId, eventType: 'chat.said' },
    ]);
  });

  it('with a retry delay holds back events of that type only', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const failed = failureOf(bench.client.request('limited'));
    const { id } = await socket.event();
    socket.refuse('RATE_LIMITED', { id, retry_after: 2 });
    expect(await failed).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 2_000 });

    void bench.client.emit('limited');
    void bench.client.emit('other');
    expect(await socket.event(2)).toMatchObject({ type: 'other' });
    bench.clock.advance(1_999);
    await settled();
    expect(socket.events).toHaveLength(2);
    bench.clock.advance(1);
    expect(await socket.event(3)).toMatchObject({ type: 'limited' });
  });

  it('without an event id holds back everything', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.refuse('RATE_LIMITED', { retry_after: 0.75 });
    await settled();
    expect(bench.errors).toMatchObject([{ code: 'RATE_LIMITED', retryAfter: 750 }]);
    void bench.client.emit('a');
    await settled();
    bench.clock.advance(749);
    await settled();
    expect(socket.events).toEqual([]);

    bench.clock.advance(1);
    await socket.event();
  });

  it("holds back for as long even if the socket's buffer is full", async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.refuse('RATE_LIMITED', { retry_after: 10 });
    await settled();
    socket.bufferedAmount = 2 ** 20 + 1;
    void bench.client.emit('a');
    await settled();
    socket.bufferedAmount = 0;
    bench.clock.advance(9_999);
    await settled();
    expect(socket.events).toEqual([]);

    bench.clock.advance(1);
    await socket.event();
  });

  it('of more types than are tracked holds back everything', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    for (let type = 1; type <= 101; type++) {
      const id = await bench.client.emit(`type${type}`);
      socket.refuse('RATE_LIMITED', { id, retry_after: 60 });
    }
    await settled();
    void bench.client.emit('another');
    await settled();

    expect(socket.events).toHaveLength(101);
  });

  it.each([undefined, null, 'soon', {}])(
    'with a retry delay of %p holds back nothing',
    async value => {
      const bench = new ClientBench();
      const socket = await bench.connected();
      socket.refuse('RATE_LIMITED', { retry_after: value });
      await settled();
      void bench.client.emit('a');

      await socket.event();
    },
  );

  it('with an unknown code is reported unchanged, up to a maximum length', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.refuse('X'.repeat(10_000));
    await settled();

    expect(bench.codes).toEqual(['X'.repeat(64)]);
  });
});
