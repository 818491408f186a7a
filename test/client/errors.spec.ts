import { ClientBench, failureOf, settled } from '../helpers/client-bench.js';

describe('a client error', () => {
  it('contains what the server sends about a rejection', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const failed = failureOf(bench.client.request('order.placed'));
    const { id } = await socket.event();
    socket.refuse('REJECTED', { id, message: 'Out of stock', reason: 'stock is 0' });

    expect(await failed).toMatchObject({
      code: 'REJECTED',
      message: 'Out of stock',
      reason: 'stock is 0',
      retryable: false,
      eventId: id,
      eventType: 'order.placed',
    });
  });

  it('contains the message of the error frame before the close frame', async () => {
    const bench = new ClientBench();
    const failed = failureOf(bench.client.connect());
    for (let nth = 1; nth <= 3; nth++) {
      const socket = await bench.socket(nth);
      socket.open();
      socket.refuse('AUTH_FAILED', { message: 'The token was refused', reason: 'no exp claim' });
      socket.drop(4401, 'AUTH_FAILED');
      if (nth < 3) await bench.retry();
    }

    expect(await failed).toMatchObject({
      message: 'The token was refused',
      reason: 'no exp claim',
    });
  });

  it.each([
    ['a number', 5],
    ['an object', { text: 'x' }],
    ['missing', undefined],
  ])('has its own message if that of the server is %s', async (_, message) => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    socket.refuse('FORBIDDEN', { message, reason: message });
    await settled();

    expect(bench.errors[0]).toMatchObject({ message: 'FORBIDDEN', reason: undefined });
  });

  it('truncates the code and the texts of the server', async () => {
    const bench = new ClientBench();
    const socket = await bench.connected();
    const texts = { message: 'm'.repeat(10_000), reason: 'r'.repeat(10_000) };
    socket.refuse('C'.repeat(10_000), texts);
    await settled();

    expect(bench.errors[0]!.code).toHaveLength(64);
    expect(bench.errors[0]!.message).toHaveLength(1_000);
    expect(bench.errors[0]!.reason).toHaveLength(1_000);
  });

  describe('has a stack that begins where the application called the client:', () => {
    /** Returns the frames of an error, the topmost first. */
    const framesOf = (error: Error) => {
      const [header, ...frames] = error.stack!.split('\n');
      expect(header).toBe(`${error.name}: ${error.message}`);
      return frames;
    };

    it('request', async () => {
      const bench = new ClientBench();
      const socket = await bench.connected();
      const failed = failureOf(bench.client.request('a'));
      socket.refuse('FORBIDDEN', { id: (await socket.event()).id, message: 'No' });

      expect(framesOf(await failed)[0]).toContain('errors.spec.ts');
    });

    it('emit', async () => {
      const bench = new ClientBench();
      const failed = failureOf(bench.client.emit('a', NaN));

      expect(framesOf(await failed)[0]).toContain('errors.spec.ts');
    });

    it('connect', async () => {
      const bench = new ClientBench({ getToken: () => null });
      const failed = failureOf(bench.client.connect());

      expect(framesOf(await failed)[0]).toContain('errors.spec.ts');
    });

    it('subscribe and events', async () => {
      const bench = new ClientBench();
      const socket = await bench.connected();
      const failed = failureOf(bench.client.subscribe('secret', () => undefined).ready);
      socket.refuse('FORBIDDEN', { id: (await socket.frame('subscribe')).id });
      expect(framesOf(await failed)[0]).toContain('errors.spec.ts');

      const iterate = () => bench.client.events('..');
      expect(iterate).toThrow(
        expect.objectContaining({ stack: expect.stringMatching(/^.*\n.*errors\.spec\.ts/) }),
      );
    });
  });
});
