import { ConnectionManager } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { CLOSE, CONTINUATION, frame, PING, PONG, RawPeer, TEXT } from '../helpers/raw-peer.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

const start = (connection = {}) =>
  TestApp.start({ gateways: [DemoGateway], options: { connection } });
const read = async (peer: RawPeer) => JSON.parse((await peer.next())!.payload.toString()) as Json;

async function peerOf(connection = {}, user?: string) {
  const app = await start(connection);
  const peer = await RawPeer.open(app.port);
  if (user !== undefined) {
    peer.send({ type: 'auth', token: tokenFor(user) });
    expect((await read(peer)).type).toBe('auth_success');
  }
  return { app, peer, connections: app.nest.get(ConnectionManager) };
}

describe('a frame that violates the protocol closes its own connection only, with its code', () => {
  it.each<[string, Buffer, number]>([
    ['compressed', frame('x', { rsv: 4 }), 1002],
    ['with the second reserved bit', frame('x', { rsv: 2 }), 1002],
    ['with the third reserved bit', frame('x', { rsv: 1 }), 1002],
    ['not masked', frame('{"type":"ping"}', { masked: false }), 1002],
    ['of a reserved opcode', frame('x', { opcode: 3 }), 1002],
    ['of a reserved control opcode', frame('x', { opcode: 11 }), 1002],
    ['that continues nothing', frame('x', { opcode: CONTINUATION }), 1002],
    ['of invalid UTF-8', frame(Buffer.from([0xc3, 0x28])), 1007],
    ['of over-long UTF-8', frame(Buffer.from([0xc0, 0xaf])), 1007],
    ['of a lone surrogate in UTF-8', frame(Buffer.from([0xed, 0xa0, 0x80])), 1007],
    ['of half a character', frame(Buffer.from([0xf0, 0x9f])), 1007],
    ['a ping over 125 bytes', frame('x'.repeat(126), { opcode: PING }), 1002],
    ['a fragmented ping', frame('x', { opcode: PING, fin: false }), 1002],
    ['a close of one byte', frame('x', { opcode: 8 }), 1002],
    ['a close with a code that may not be sent', frame(Buffer.from([3, 237]), { opcode: 8 }), 1002],
    ['binary', frame('{"type":"ping"}', { opcode: 2 }), 1003],
    ['of a length beyond 2^53', Buffer.from([0x81, 0xff, ...Array<number>(8).fill(255)]), 1009],
  ])('%s', async (_, bytes, code) => {
    const { app, peer, connections } = await peerOf();
    const other = await app.login();
    peer.write(bytes);
    expect(await peer.closeCode()).toBe(code);
    peer.socket.destroy();
    await eventually(() => connections.count === 1);
    other.emit('demo.echo', 'untouched');
    expect((await other.next()).event.data).toBe('untouched');
  });

  it('a new message within a fragmented one', async () => {
    const { peer } = await peerOf();
    peer.send('{', { fin: false });
    peer.send('x');
    expect(await peer.closeCode()).toBe(1002);
  });
});

describe('a message before authentication', () => {
  it('over 8 KiB is answered and closes with 1009, including an auth frame', async () => {
    const { app, peer, connections } = await peerOf();
    const text = JSON.stringify({ type: 'auth', token: 'x'.repeat(8_192) });
    peer.send(text);
    expect(await read(peer)).toMatchObject({ code: 'MESSAGE_TOO_LARGE', status: 413 });
    expect(await peer.closeCode()).toBe(1009);
    expect(connections.list().every(({ user }) => user === undefined)).toBe(true);
    await app.login();
  });

  it('of exactly 8 KiB is accepted, in any number of fragments', async () => {
    const { peer } = await peerOf();
    const text = JSON.stringify({ type: 'ping', pad: '' });
    const full = text.replace('""', `"${'x'.repeat(8_192 - text.length)}"`);
    expect(full).toHaveLength(8_192);
    peer.send(full.slice(0, 4_000), { fin: false });
    peer.send(full.slice(4_000), { opcode: CONTINUATION });
    expect((await read(peer)).type).toBe('pong');
  });

  it.each([0, 4_000])('of 5 MB is not buffered: rejected after %d bytes of it', async given => {
    const { peer } = await peerOf();
    const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x4c, 0x4b, 0x40, 1, 2, 3, 4]);
    peer.write(Buffer.concat([header, Buffer.alloc(given)]));
    expect(await read(peer)).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(await peer.closeCode()).toBe(1009);
  });

  it.each([
    ['in one frame', Buffer.from([0x81, 0xfe, 0xff, 0xff, 1, 2, 3, 4]), Buffer.alloc(1_000)],
    [
      'in fragments',
      frame('x', { fin: false }),
      frame('x'.repeat(1_000), { opcode: CONTINUATION, fin: false }),
    ],
  ])(
    'that is unfinished is not buffered up to the limit of authenticated clients: %s',
    async (_, first, more) => {
      const { peer, connections } = await peerOf();
      peer.write(first);
      for (let part = 0; part < 60; part++) {
        peer.write(more);
        await pause(1);
      }
      expect(await read(peer)).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
      expect(await peer.closeCode()).toBe(1009);
      await eventually(() => connections.count === 0);
    },
  );

  it('no longer has that limit after authentication', async () => {
    const { peer } = await peerOf({}, 'alice');
    const bytes = frame(JSON.stringify({ type: 'ping', pad: 'x'.repeat(60_000) }));
    for (let at = 0; at < bytes.length; at += 1_000) {
      peer.write(bytes.subarray(at, at + 1_000));
      await pause(1);
    }
    expect((await read(peer)).type).toBe('pong');
  });

  it('no longer has that limit in the same chunk as the authentication', async () => {
    const { peer } = await peerOf();
    const auth = frame(JSON.stringify({ type: 'auth', token: tokenFor('alice') }));
    const ping = frame(JSON.stringify({ type: 'ping', pad: 'x'.repeat(20_000) }));
    peer.write(Buffer.concat([auth, ping]));
    expect((await read(peer)).type).toBe('auth_success');
    expect((await read(peer)).type).toBe('pong');
    peer.send({ type: 'ping' });
    expect((await read(peer)).type).toBe('pong');
  });

  it('over the limit in fragments closes with 1009, however small they are', async () => {
    const { peer } = await peerOf({ maxMessageSize: 10_000 });
    for (let part = 0; part < 11; part++)
      peer.send('x'.repeat(1_000), { opcode: part ? CONTINUATION : 1, fin: false });
    expect(await read(peer)).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(await peer.closeCode()).toBe(1009);
  });
});

describe('endless fragments', () => {
  it.each([
    ['of one byte', 'x'],
    ['of zero bytes', ''],
  ])('%s close with 1008', async (_, content) => {
    const { peer } = await peerOf({}, 'alice');
    peer.send('x', { fin: false });
    for (let part = 0; part < 1_100; part++)
      peer.send(content, { opcode: CONTINUATION, fin: false });
    expect(await peer.closeCode()).toBe(1008);
  });

  it('that stop in between are closed at the authentication deadline', async () => {
    const app = await TestApp.start({
      gateways: [DemoGateway],
      options: { auth: { validateToken: () => null, timeout: 100 } },
    });
    const peer = await RawPeer.open(app.port);
    peer.send('{"type":"auth","tok', { fin: false });
    expect(await peer.closeCode()).toBe(4408);
  });

  it('in chunks of one byte are not buffered without limit', async () => {
    const { peer } = await peerOf({}, 'alice');
    peer.socket.setNoDelay();
    const bytes = frame('x'.repeat(3_000));
    for (let at = 0; at < bytes.length && !peer.socket.destroyed; at++) {
      peer.write(bytes.subarray(at, at + 1));
      await new Promise(setImmediate);
    }
    expect([1006, 1008]).toContain(await peer.closeCode());
  });
});

describe.each([
  ['pings', PING],
  ['unsolicited pongs', PONG],
])('a flood of %s', (_, opcode) => {
  it('is charged like messages, answered a limited number of times and closed with 4429', async () => {
    const { peer } = await peerOf({ messageRate: 0.1, messageBurst: 20, maxStrikes: 5 });
    peer.write(Buffer.concat(Array.from({ length: 500 }, () => frame('x', { opcode }))));
    const answers: number[] = [];
    let next = await peer.next();
    for (; next && next.opcode !== CLOSE; next = await peer.next()) answers.push(next.opcode);
    expect(next?.payload.readUInt16BE()).toBe(4429);
    expect(answers.filter(answer => answer === PONG)).toHaveLength(opcode === PING ? 20 : 0);
    expect(answers.filter(answer => answer === TEXT).length).toBeLessThanOrEqual(6);
  });
});
