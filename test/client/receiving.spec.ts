import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { jest } from '@jest/globals';
import canonicalize from 'canonicalize';
import type { SemanticEvent } from '../../lib/client/index.js';
import { ClientBench, settled } from '../helpers/client-bench.js';
import { eventually } from '../helpers/eventually.js';
import type { FakeSocket } from '../helpers/fake-socket.js';
import { type Json, signatureOf } from '../helpers/test-client.js';

/** Creates a bench that records delivered and unsolicited events. */
async function listening(welcome?: (socket: FakeSocket) => void) {
  const bench = new ClientBench();
  const delivered: SemanticEvent[] = [];
  bench.client.on('event', event => delivered.push(event));
  bench.client.subscribe('**', event => delivered.push(event));
  const opened = bench.client.connect();
  const socket = await bench.socket();
  socket.open();
  if (welcome) welcome(socket);
  else socket.welcome();
  await opened;
  return { bench, socket, delivered };
}

describe('a received event', () => {
  const forgeries: [string, (event: Json, socket: FakeSocket) => unknown][] = [
    ['has no signature', ({ semanticsignature: _, ...event }) => event],
    ['has an empty signature', event => ({ ...event, semanticsignature: '' })],
    ['has a number as its signature', event => ({ ...event, semanticsignature: 1 })],
    ['has other data', event => ({ ...event, data: 'forged' })],
    ['has another type', event => ({ ...event, type: 'forged' })],
    ['has an additional attribute', event => ({ ...event, subject: 'forged' })],
    ['lacks an attribute', ({ source: _, ...event }) => event],
    [
      'was signed by a client',
      (event, { signing }) => ({ ...event, semanticsignature: signatureOf(event, signing, 'c2s') }),
    ],
    [
      'was signed with another key',
      (event, { signing }) => ({
        ...event,
        semanticsignature: signatureOf(event, { ...signing, key: 'A'.repeat(43) }, 's2c'),
      }),
    ],
    [
      'was signed under another key id',
      (event, { signing }) => ({
        ...event,
        semanticsignature: signatureOf(event, { ...signing, key_id: 's-other' }, 's2c'),
      }),
    ],
    [
      'has a truncated signature',
      event => ({ ...event, semanticsignature: event.semanticsignature.slice(0, -1) }),
    ],
    [
      'has text after its signature',
      event => ({ ...event, semanticsignature: `${event.semanticsignature}.A` }),
    ],
    [
      'claims to have a broadcast signature',
      event => ({ ...event, semanticsignature: `v1e.x.${'A'.repeat(86)}` }),
    ],
    ['is not an event', () => 'event'],
    ['is null', () => null],
    ['is a list', event => [event]],
    ['is missing', () => undefined],
  ];

  it.each(forgeries)('is dropped and reported if it %s', async (_, forge) => {
    const { bench, socket, delivered } = await listening();
    const request = bench.client.request('ask', 1, { timeout: 60_000 });
    const { id } = await socket.event();
    const event = forge(
      socket.signed({ type: 'ask.reply', data: 'right', semanticcorrelationid: id }),
      socket,
    );
    socket.receive({ type: 'event', event });
    socket.receive({ type: 'event', event, cursor: '1' });
    await settled();

    expect(delivered).toEqual([]);
    expect(bench.codes).toEqual(['UNVERIFIED', 'UNVERIFIED']);
    socket.reply({ type: 'ask', id }, 'right');
    expect(await request).toMatchObject({ data: 'right' });
  });

  it('does not answer a request if its frame is unsigned', async () => {
    const { bench, socket } = await listening();
    const request = bench.client.request('ask');
    const { id } = await socket.event();
    socket.receive({ type: 'subscribed', patterns: [], cursor: '1', id });
    socket.receive({ type: 'unsubscribed', patterns: [], id });
    socket.receive({ type: 'ask.reply', semanticcorrelationid: id, specversion: '1.0' });
    await settled();
    socket.reply({ type: 'ask', id }, 'signed');

    expect(await request).toMatchObject({ data: 'signed' });
  });

  it('does not answer a request if it was sent to a subscription', async () => {
    const { bench, socket, delivered } = await listening();
    const request = bench.client.request('ask');
    const { id } = await socket.event();
    socket.deliver('1', { type: 'chat', data: 'from a stranger', semanticcorrelationid: id });
    socket.reply({ type: 'ask', id }, 'from the server');

    expect(await request).toMatchObject({ data: 'from the server' });
    expect(delivered).toMatchObject([{ data: 'from a stranger' }]);
  });

  it('is reported once as an event if nothing requested it', async () => {
    const { socket, delivered } = await listening();
    const event = socket.signed({ type: 'b' });
    for (let time = 0; time < 3; time++) socket.receive({ type: 'event', event });
    await settled();

    expect(delivered).toEqual([event]);
  });

  it('may be old if it was sent to a subscription', async () => {
    const { bench, socket, delivered } = await listening();
    socket.deliver('1', { type: 'a', time: '1999-01-01T00:00:00Z' });
    await settled();

    expect(delivered).toHaveLength(1);
    expect(bench.errors).toEqual([]);
  });

  it('may come with unknown and malformed frames, which do not close the connection', async () => {
    const { bench, socket, delivered } = await listening();
    socket.receive({ type: 'heartbeat' });
    socket.receive({});
    await settled();
    expect(bench.errors).toEqual([]);

    for (const text of ['', 'not JSON', 'null', '[', '{"type":"auth_success"}'])
      socket.receive(text);
    socket.deliver('1', { type: 'a' });
    await settled();

    expect(bench.codes).toEqual(Array(5).fill('BAD_FRAME'));
    expect(delivered).toHaveLength(1);
    expect(bench.client.state).toBe('connected');
  });

  it('is delivered in order, however long verification takes', async () => {
    const { socket, delivered } = await listening();
    for (let n = 0; n < 40; n++)
      socket.deliver(String(n), { type: 'a', data: [n, 'x'.repeat(n % 2 ? 0 : 50_000)] });
    await eventually(() => delivered.length === 40);

    expect(delivered.map(({ data }) => (data as number[])[0])).toEqual(
      Array.from({ length: 40 }, (_, n) => n),
    );
  });

  it('closes the connection if events arrive faster than they can be verified', async () => {
    const { bench, socket } = await listening();
    const text = JSON.stringify({ type: 'unknown', text: 'x'.repeat(2 ** 20) });
    for (let sent = 0; sent < 16; sent++) socket.receive(text);
    await bench.state('waiting');

    expect(bench.codes).toEqual(['SLOW_CONSUMER']);
    await bench.retry();
    await bench.connected(2);
  });

  it('is deduplicated up to a limit', async () => {
    const bench = new ClientBench({ maxRemembered: 3 });
    const delivered: unknown[] = [];
    bench.client.subscribe('**', ({ id }) => delivered.push(id));
    const socket = await bench.connected();
    for (const id of ['1', '2', '3', '1', '4', '3', '2', '1'])
      socket.deliver('c', { type: 'a', id });
    await settled();

    expect(delivered).toEqual(['1', '2', '3', '4', '1']);
  });

  it('is identified by source and id', async () => {
    const { socket, delivered } = await listening();
    socket.deliver('1', { type: 'a', id: 'same', source: 'alice' });
    socket.deliver('2', { type: 'a', id: 'same', source: 'bob' });
    await settled();

    expect(delivered).toHaveLength(2);
  });
});

describe('broadcast signatures', () => {
  const pair = generateKeyPairSync('ed25519');
  const other = generateKeyPairSync('ed25519');
  const public_key = pair.publicKey.export({ format: 'jwk' }).x!;
  const welcome = (socket: FakeSocket) => {
    socket.welcome({
      signing: {
        scheme: 'v1',
        ...socket.signing,
        broadcast: { scheme: 'v1e', key_id: 'all', public_key },
      },
    });
  };
  const broadcast = (
    members: Json,
    key: KeyObject = pair.privateKey,
    id = 'all',
    direction = 's2c',
  ) => {
    const event = { specversion: '1.0', id: '1', type: 'a', source: 'b', ...members };
    const mac = sign(null, Buffer.from(`v1e.${direction}.${canonicalize(event)}`), key);
    return { ...event, semanticsignature: `v1e.${id}.${mac.toString('base64url')}` };
  };

  it('are requested and verified', async () => {
    const { bench, socket, delivered } = await listening(welcome);
    expect(await socket.frame('subscribe')).toMatchObject({ signatures: 'v1e' });
    socket.receive({ type: 'event', cursor: '1', event: broadcast({ data: 'ü' }) });
    socket.deliver('2', { type: 'a' });
    await settled();

    expect(delivered).toHaveLength(2);
    expect(bench.errors).toEqual([]);
  });

  it.each([
    ['with another key', broadcast({}, other.privateKey)],
    ['under another key id', broadcast({}, pair.privateKey, 'some')],
    ['in the other direction', broadcast({}, pair.privateKey, 'all', 'c2s')],
    ['for another event', { ...broadcast({}), data: 'forged' }],
  ])('are rejected if %s', async (_, event) => {
    const { bench, socket, delivered } = await listening(welcome);
    socket.receive({ type: 'event', cursor: '1', event });
    await settled();

    expect(delivered).toEqual([]);
    expect(bench.codes).toEqual(['UNVERIFIED']);
  });

  it('do not verify a reply', async () => {
    const { bench, socket } = await listening(welcome);
    const request = bench.client.request('ask');
    const { id } = await socket.event();
    socket.receive({ type: 'event', event: broadcast({ semanticcorrelationid: id }) });
    await settled();
    expect(bench.codes).toEqual(['UNVERIFIED']);
    socket.reply({ type: 'ask', id }, 'own');

    expect(await request).toMatchObject({ data: 'own' });
  });

  it('are not requested without Ed25519 or for another scheme', async () => {
    const real = crypto.subtle.importKey.bind(crypto.subtle) as (...args: unknown[]) => unknown;
    const withoutEd25519 = async (...args: unknown[]) => {
      if (args[2] === 'Ed25519') throw new DOMException('no', 'NotSupportedError');
      return real(...args);
    };
    const spy = jest.spyOn(crypto.subtle, 'importKey').mockImplementation(withoutEd25519 as never);
    try {
      const { bench, socket, delivered } = await listening(welcome);
      expect(await socket.frame('subscribe')).not.toHaveProperty('signatures');
      socket.deliver('1', { type: 'a' });
      await settled();
      expect(delivered).toHaveLength(1);
      expect(bench.errors).toEqual([]);
    } finally {
      spy.mockRestore();
    }

    const { socket } = await listening(fake => {
      const future = { scheme: 'v9', key_id: 'all', public_key };
      fake.welcome({ signing: { scheme: 'v1', ...fake.signing, broadcast: future } });
    });
    expect(await socket.frame('subscribe')).not.toHaveProperty('signatures');
  });
});
