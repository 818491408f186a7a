import { SemanticEventsClientError } from '../../lib/client/index.js';
import { CODES, type Code, factsOf } from '../../lib/protocol/index.js';
import { ClientBench, failureOf, settled } from '../helpers/client-bench.js';

const codes = Object.keys(CODES) as Code[];
const NOT_RETRIED = ['never', 'after-fix'];

describe('retryable', () => {
  it.each(codes)('follows the code table for %s', code => {
    const { retry } = factsOf(code);

    expect(new SemanticEventsClientError(code).retryable).toBe(!NOT_RETRIED.includes(retry));
  });

  it.each([
    ['CONNECTION_LOST', true],
    ['TIMEOUT', true],
    ['QUEUE_FULL', true],
    ['TOKEN_FAILED', true],
    ['A_CODE_OF_TOMORROW', true],
    ['CLOSED', false],
    ['NO_TOKEN', false],
    ['UNVERIFIED', false],
    ['HANDLER_FAILED', false],
  ])("of the client's own code %s is %s", (code, retryable) => {
    expect(new SemanticEventsClientError(code).retryable).toBe(retryable);
  });
});

describe('a lost connection', () => {
  // A message that was too large is not sent again, so the connection can be.
  const isFinal = (code: Code) =>
    NOT_RETRIED.includes(factsOf(code).retry) && code !== 'MESSAGE_TOO_LARGE';

  it.each(codes)('is reopened according to the code table for %s', async code => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.drop(factsOf(code).close ?? 4000, code);
    await bench.state(isFinal(code) ? 'closed' : 'waiting');

    expect(bench.states.at(-1)!.error).toMatchObject({ code });
    expect(bench.codes).toEqual([code]);
  });

  it.each([1006, 1000, 1011, 1012])('is reopened after close code %d', async code => {
    const bench = new ClientBench();
    (await bench.connected()).drop(code);
    await bench.state('waiting');

    expect(bench.codes).toEqual(['CONNECTION_LOST']);
    await bench.retry();
    await bench.connected(2);
  });

  it('is reopened after delays that double up to the maximum, with full jitter', async () => {
    const bench = new ClientBench();
    void bench.client.connect();
    const waits: number[] = [];
    for (let nth = 1; nth <= 7; nth++) {
      bench.random = nth === 7 ? 0 : 1;
      (await bench.socket(nth)).drop();
      await bench.state('waiting');
      waits.push(bench.states.at(-1)!.retryIn!);
      await bench.retry();
    }

    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 0]);
  });

  it('resets its delay only after it has stayed open', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.drop();
    await bench.retry();
    const second = await bench.connected(2);
    bench.clock.advance(1_999);
    second.drop();
    await bench.retry();
    expect(bench.states.at(-2)).toMatchObject({ state: 'waiting', retryIn: 2_000 });

    const third = await bench.connected(3);
    bench.clock.advance(4_000);
    third.drop();
    await bench.state('waiting');
    expect(bench.states.at(-1)).toMatchObject({ retryIn: 1_000 });
  });

  it('is not reopened before the time that the server sent', async () => {
    const bench = new ClientBench();
    void bench.client.connect();
    const socket = await bench.socket();
    socket.open();
    socket.refuse('RATE_LIMITED', { retry_after: 7.5 });
    socket.drop(4429, 'RATE_LIMITED');
    await bench.state('waiting');

    expect(bench.states.at(-1)).toMatchObject({
      error: { code: 'RATE_LIMITED', retryAfter: 7_500 },
      retryIn: 8_500,
    });
  });

  it.each([-1e6, '-1e6', -Infinity])(
    'is not reopened earlier because the server sent %p as the time to wait',
    async value => {
      const bench = new ClientBench();
      void bench.client.connect();
      const socket = await bench.socket();
      socket.open();
      socket.refuse('RATE_LIMITED', { retry_after: value });
      socket.drop(4429, 'RATE_LIMITED');
      await bench.state('waiting');

      expect(bench.states.at(-1)).toMatchObject({ retryIn: 1_000 });
    },
  );

  it('is not delayed by an unrelated rejection', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.refuse('RATE_LIMITED', { retry_after: 60 });
    socket.drop(1006);
    await bench.state('waiting');

    expect(bench.states.at(-1)).toMatchObject({ retryIn: 1_000 });
  });

  it('rejects what was sent, and sends what was queued', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const sent = bench.client.request('sent');
    await socket.event();
    socket.readyState = 3;
    const queued = bench.client.request('queued');
    const emitted = bench.client.emit('emitted');
    socket.drop();

    expect(await failureOf(sent)).toMatchObject({
      code: 'CONNECTION_LOST',
      retryable: true,
      eventType: 'sent',
      cause: { code: 'CONNECTION_LOST' },
    });
    await bench.state('waiting');
    const next = await bench.connected(2);
    const request = await next.event(1);
    expect(request).toMatchObject({ type: 'queued' });
    expect(await next.event(2)).toMatchObject({ type: 'emitted' });
    next.reply(request, 'done');
    expect(await queued).toMatchObject({ data: 'done' });
    await emitted;
    expect(next.events).toHaveLength(2);
  });

  it('accepts a reply that arrived before it closed', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const request = bench.client.request('ask');
    socket.reply(await socket.event(), 'just in time');
    socket.drop();

    expect(await request).toMatchObject({ data: 'just in time' });
  });

  it('signs and sends pending events once, on the next connection', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    void bench.client.emit('late');
    socket.drop();
    await bench.state('waiting');
    const next = await bench.connected(2);
    const event = await next.event();
    await settled();

    expect(socket.events).toEqual([]);
    expect(next.events).toEqual([event]);
    expect(event.semanticsignature).toContain(next.signing.key_id);
  });
});
