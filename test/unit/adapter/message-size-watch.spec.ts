import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { watchMessageSize } from '../../../lib/adapter/message-size-watch.js';
import { CONTINUATION, frame, PING, TEXT } from '../../helpers/raw-peer.js';

fc.configureGlobal({ seed: 20_261_128 });

const MAX = 8_192;

const start = () => {
  const tcp = new EventEmitter();
  let refused = 0;
  const stop = watchMessageSize(tcp as unknown as Socket, MAX, () => refused++);
  /** Has a stream come in, in chunks of a size. */
  const receive = (bytes: Buffer, size = bytes.length) => {
    for (let at = 0; at < bytes.length; at += size) tcp.emit('data', bytes.subarray(at, at + size));
  };
  return { receive, stop, refused: () => refused, listeners: () => tcp.listenerCount('data') };
};

/** The head of a frame with the shortest length there is for it. */
const head = (length: number) => {
  if (length < 126) return frame('x'.repeat(length));
  const bytes = Buffer.from([0x81, 0xfe, 0, 0, 1, 2, 3, 4]);
  bytes.writeUInt16BE(length, 2);
  return bytes;
};

/** A message in fragments, pings among them. */
const fragments = (...sizes: number[]) =>
  Buffer.concat(
    sizes.flatMap((size, at) => [
      frame('x'.repeat(size), {
        opcode: at === 0 ? TEXT : CONTINUATION,
        fin: at === sizes.length - 1,
      }),
      frame('x'.repeat(125), { opcode: PING }),
    ]),
  );

describe('a message over the limit', () => {
  it.each([1, 3, 7, 100, 65_536])('is refused by its header, in chunks of %d', size => {
    const { receive, refused } = start();
    receive(head(MAX), size);
    receive(Buffer.alloc(MAX), size);
    expect(refused()).toBe(0);
    receive(head(MAX + 1), size);
    expect(refused()).toBe(1);
  });

  it.each([0x10_000, 0x1_0000_0000, 2 ** 53])('is refused, however long: %d', length => {
    const { receive, refused } = start();
    const bytes = Buffer.alloc(14);
    bytes[0] = 0x81;
    bytes[1] = 0xff;
    bytes.writeBigUInt64BE(BigInt(length), 2);
    receive(bytes);
    expect(refused()).toBe(1);
  });

  it.each([1, 50, 65_536])('is refused in fragments, in chunks of %d', size => {
    const { receive, refused } = start();
    receive(fragments(4_000, 192, 4_000), size);
    expect(refused()).toBe(0);
    receive(fragments(4_000, 193, 4_000), size);
    expect(refused()).toBe(1);
  });

  it('is refused once, and nothing is watched from then on', () => {
    const { receive, refused, listeners } = start();
    receive(Buffer.concat([head(60_000), head(60_000)]));
    receive(head(60_000));
    expect(refused()).toBe(1);
    expect(listeners()).toBe(0);
  });

  it('is nothing to who has ended the watch', () => {
    const { receive, stop, refused, listeners } = start();
    stop();
    receive(head(60_000));
    expect(refused()).toBe(0);
    expect(listeners()).toBe(0);
  });
});

describe('messages within the limit', () => {
  it('are never refused, whatever their number, fragments and chunks', () => {
    const message = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(message), fc.integer({ min: 1, max: 5_000 }), (messages, size) => {
        const { receive, refused } = start();
        receive(Buffer.concat(messages.map(sizes => fragments(...sizes))), size);
        expect(refused()).toBe(0);
      }),
    );
  });

  it('never add up', () => {
    const { receive, refused } = start();
    const bytes = Buffer.concat([fragments(8_000, 100), head(MAX), Buffer.alloc(MAX)]);
    for (let sent = 0; sent < 1_000; sent++) receive(bytes, 4_096);
    expect(refused()).toBe(0);
  });
});
