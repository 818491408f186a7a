import { dataMembers, jsonCopy } from '../../lib/client/json-copy.js';
import { ClientBench, failureOf } from '../helpers/client-bench.js';

class Point {
  readonly #secret = 1;
  constructor(
    readonly x: number,
    readonly y?: number,
  ) {}
  get sum() {
    return this.x + this.#secret;
  }
}

describe('data that JSON cannot represent', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;

  it.each<[string, unknown]>([
    ['data is NaN', NaN],
    ['data.a is Infinity', { a: Infinity }],
    ['data.a.b is -Infinity', { a: { b: -Infinity } }],
    ['data.list.2 is NaN', { list: [1, 2, NaN] }],
    ['data.list.1 is Undefined', { list: [1, undefined, 3] }],
    ['data.0 is Undefined', Array(1)],
    ['data.n is BigInt', { n: 1n }],
    ['data.f is Function', { f: () => 1 }],
    ['data is Function', () => 1],
    ['data.s is Symbol', { s: Symbol('s') }],
    ['data.map is Map', { map: new Map([[1, 2]]) }],
    ['data is Set', new Set([1])],
    ['data.bytes is Uint8Array', { bytes: new Uint8Array(2) }],
    ['data.0 is ArrayBuffer', [new ArrayBuffer(2)]],
    ['data.p is Promise', { p: Promise.resolve() }],
    ['data.e is Error', { e: new Error('x') }],
    ['data.r is RegExp', { r: /x/ }],
    ['data.at is an invalid Date', { at: new Date(NaN) }],
    ['data.text is malformed text', { text: 'a\ud800' }],
    ['data.a.0.b is Map', { a: [{ b: new Map() }] }],
    ['data.at.deep is NaN', { at: { toJSON: () => ({ deep: NaN }) } }],
  ])('is rejected with the path of the member: %s', async (message, data) => {
    const bench = new ClientBench();

    expect(await failureOf(bench.client.request('a', data))).toMatchObject({
      code: 'INVALID_EVENT',
      message: `${message}, which JSON cannot carry`,
    });
  });

  it('is rejected if it is cyclic', async () => {
    const bench = new ClientBench();

    expect(await failureOf(bench.client.request('a', cycle))).toMatchObject({
      code: 'INVALID_EVENT',
      cause: expect.any(TypeError),
    });
  });

  it('is rejected in attributes, too', async () => {
    const bench = new ClientBench();
    const attributes = { priority: NaN };

    expect(await failureOf(bench.client.emit('a', 1, { attributes }))).toMatchObject({
      message: 'attributes.priority is NaN, which JSON cannot carry',
    });
  });
});

describe('data that JSON can represent', () => {
  it.each<[unknown, unknown]>([
    [null, null],
    [-0, 0],
    ['😀', '😀'],
    [{ a: undefined, b: 1 }, { b: 1 }],
    [new Point(1), { x: 1 }],
    [Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    [{ at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    [[new URL('https://a.test/')], ['https://a.test/']],
    [JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":1}}')],
  ])('is copied as JSON.stringify writes it: %p', (data, expected) => {
    expect(jsonCopy(data, 'data')).toEqual(expected);
    expect(JSON.stringify(jsonCopy(data, 'data'))).toBe(JSON.stringify(data));
  });

  it('is copied at the call, even if an object occurs several times', () => {
    const shared = { a: 1 };

    expect(jsonCopy([shared, { shared }], 'data')).toEqual([{ a: 1 }, { shared: { a: 1 } }]);
  });
});

describe('bytes', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const base64 = Buffer.from(bytes).toString('base64');

  it.each<[string, unknown, string]>([
    ['a Uint8Array', bytes, base64],
    ['an ArrayBuffer', bytes.buffer, base64],
    ['a Buffer', Buffer.from(bytes), base64],
    ['a DataView', new DataView(bytes.buffer), base64],
    ['a part of a larger buffer', bytes.subarray(3, 5), 'AwQ='],
    ['numbers of more bytes each', new Uint16Array([1, 2]), 'AQACAA=='],
    ['nothing', new Uint8Array(0), ''],
  ])('are sent as data_base64: %s', async (_, data, expected) => {
    expect(dataMembers(data)).toEqual({ data_base64: expected });
    const bench = new ClientBench();
    const socket = await bench.connected();
    void bench.client.emit('a', data);
    const event = await socket.event();

    expect(event.data_base64).toBe(expected);
    expect(event).not.toHaveProperty('data');
  });

  it('are received as data, and the JSON of the event does not change', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const reply = bench.client.request('a');
    const { id } = await socket.event();
    const event = socket.signed({
      type: 'a.reply',
      semanticcorrelationid: id,
      data_base64: base64,
    });
    socket.receive({ type: 'event', event });
    const received = await reply;

    expect(received.data).toEqual(bytes);
    expect(received.data).toBe(received.data);
    expect(JSON.parse(JSON.stringify(received))).toEqual(event);
  });
});

describe('an AbortSignal', () => {
  it('aborts a sent request and a queued one', async () => {
    const bench = new ClientBench();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = failureOf(bench.client.request('waiting', 1, { signal }));
    controller.abort('too late');
    expect(await waiting).toMatchObject({
      code: 'ABORTED',
      cause: 'too late',
      eventType: 'waiting',
      retryable: false,
    });

    const socket = await bench.connected();
    const second = new AbortController();
    const sent = failureOf(bench.client.request('sent', 1, { signal: second.signal }));
    await socket.event();
    second.abort();
    expect((await sent).code).toBe('ABORTED');
    // A queued request that was aborted is not sent.
    expect(socket.events.map(({ type }) => type as string)).toEqual(['sent']);
  });

  it('that was aborted before rejects at once', async () => {
    const bench = new ClientBench();
    const signal = AbortSignal.abort();

    expect((await failureOf(bench.client.request('a', 1, { signal }))).code).toBe('ABORTED');
    expect((await failureOf(bench.client.subscribe('a', () => 1, { signal }).ready)).code).toBe(
      'ABORTED',
    );
    expect((await failureOf(bench.client.events('a', { signal }).next())).code).toBe('ABORTED');
    expect(bench.clock.pending).toBe(0);
  });

  it('has no listener after the request has ended', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const { signal } = new AbortController();
    let listeners = 0;
    const counted = {
      aborted: false,
      addEventListener: (name: 'abort', listener: () => void) => {
        listeners++;
        signal.addEventListener(name, listener);
      },
      removeEventListener: () => {
        listeners--;
      },
    };
    const reply = bench.client.request('a', 1, { signal: counted });
    expect(listeners).toBe(1);
    socket.reply(await socket.event());
    await reply;

    expect(listeners).toBe(0);
  });

  it('ends a subscription like its unsubscribe function', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const controller = new AbortController();
    bench.client.subscribe('a', () => undefined, { signal: controller.signal });
    await socket.frame('subscribe');
    controller.abort();

    expect(await socket.frame('unsubscribe')).toMatchObject({ patterns: ['a'] });
  });

  it('ends an iteration with an error', async () => {
    const bench = new ClientBench();
    await bench.connected();
    const controller = new AbortController();
    const next = failureOf(bench.client.events('a', { signal: controller.signal }).next());
    controller.abort();

    expect((await next).code).toBe('ABORTED');
  });
});
