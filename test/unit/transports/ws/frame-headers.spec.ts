import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import type { WebSocket } from 'ws';
import { OWNER } from '../../../../lib/connection/index.js';
import { SocketReading } from '../../../../lib/transports/ws/socket-reading.js';
import { CLOSE, CONTINUATION, frame, PING, TEXT } from '../../../helpers/raw-peer.js';

fc.configureGlobal({ seed: 20_261_128 });

const MAX = 8_192;

const start = () => {
  const tcp = new EventEmitter();
  let refused = 0;
  let continuations = 0;
  const owner = {
    tooLarge: () => refused++,
    fragments: (count: number) => (continuations += count),
  };
  const reading = new SocketReading(
    { [OWNER]: owner } as unknown as WebSocket,
    tcp as unknown as Socket,
    { maxUnauthenticatedMessageSize: MAX, maxBufferedBytes: MAX },
  );
  const lift = () => {
    reading.liftLimits();
  };
  /** Receives a stream in chunks of the given size. */
  const receive = (bytes: Buffer, size = bytes.length) => {
    for (let at = 0; at < bytes.length; at += size) tcp.emit('data', bytes.subarray(at, at + size));
  };
  return {
    receive,
    lift,
    refused: () => refused,
    continuations: () => continuations,
    hasClose: () => reading.hasClose,
  };
};

/** Creates the header of a frame with the shortest possible length. */
const head = (length: number) => {
  if (length < 126) return frame('x'.repeat(length));
  const bytes = Buffer.from([0x81, 0xfe, 0, 0, 1, 2, 3, 4]);
  bytes.writeUInt16BE(length, 2);
  return bytes;
};

/** Creates a fragmented message with pings in between. */
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
  it.each([1, 3, 7, 100, 65_536])('is rejected by its header, in chunks of %d', size => {
    const { receive, refused } = start();
    receive(head(MAX), size);
    receive(Buffer.alloc(MAX), size);
    expect(refused()).toBe(0);
    receive(head(MAX + 1), size);
    expect(refused()).toBe(1);
  });

  it.each([0x10_000, 0x1_0000_0000, 2 ** 53])('is rejected, however long: %d', length => {
    const { receive, refused } = start();
    const bytes = Buffer.alloc(14);
    bytes[0] = 0x81;
    bytes[1] = 0xff;
    bytes.writeBigUInt64BE(BigInt(length), 2);
    receive(bytes);
    expect(refused()).toBe(1);
  });

  it.each([1, 50, 65_536])('is rejected in fragments, in chunks of %d', size => {
    const { receive, refused } = start();
    receive(fragments(4_000, 192, 4_000), size);
    expect(refused()).toBe(0);
    receive(fragments(4_000, 193, 4_000), size);
    expect(refused()).toBe(1);
  });

  it('is rejected once', () => {
    const { receive, refused } = start();
    receive(Buffer.concat([head(60_000), head(60_000)]));
    receive(head(60_000));
    expect(refused()).toBe(1);
  });

  it('is accepted after the limit was lifted', () => {
    const { receive, lift, refused } = start();
    lift();
    receive(head(60_000));
    expect(refused()).toBe(0);
  });
});

describe('continuation frames', () => {
  it.each([1, 2, 7, 65_536])('are all counted, but pings are not, in chunks of %d', size => {
    const { receive, continuations } = start();
    receive(fragments(0, 0, 200, 70_000, 1), size);
    receive(fragments(5), size);
    expect(continuations()).toBe(4);
  });
});

describe('a close frame', () => {
  it.each([1, 2, 7, 65_536])('is found among other frames, in chunks of %d', size => {
    const { receive, hasClose } = start();
    receive(Buffer.concat([fragments(5, 200), frame('x', { opcode: PING })]), size);
    expect(hasClose()).toBe(false);
    receive(frame('', { opcode: CLOSE }), size);
    expect(hasClose()).toBe(true);
  });
});

describe('messages within the limit', () => {
  it('are never rejected, whatever their number, fragments and chunks', () => {
    const message = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(message), fc.integer({ min: 1, max: 5_000 }), (messages, size) => {
        const { receive, refused } = start();
        receive(Buffer.concat(messages.map(sizes => fragments(...sizes))), size);
        expect(refused()).toBe(0);
      }),
    );
  });

  it('do not add up', () => {
    const { receive, refused } = start();
    const bytes = Buffer.concat([fragments(8_000, 100), head(MAX), Buffer.alloc(MAX)]);
    for (let sent = 0; sent < 1_000; sent++) receive(bytes, 4_096);
    expect(refused()).toBe(0);
  });
});
