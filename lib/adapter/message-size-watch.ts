import type { Socket } from 'node:net';

const FIN = 0x80;
const OPCODE = 0x0f;
const LENGTH = 0x7f;
/** Opcodes from here on are of control frames, which may come within a message (RFC 6455, section 5.4). */
const FIRST_CONTROL = 8;

/**
 * Tells when a message grows too large, finished or not. ws does so, too, but by one limit for all connections of a
 * server: this is for those that are to have a smaller one for some time.
 *
 * @param maxBytes of payload
 * @param refuse called once, when that is exceeded
 * @returns what ends the watch
 */
export function watchMessageSize(
  tcp: Pick<Socket, 'on' | 'off'>,
  maxBytes: number,
  refuse: () => void,
): () => void {
  const headers = new FrameHeaders();
  let isOver = false;
  const onChunk = (chunk: Buffer) => {
    // What ended the watch may have come in this very chunk: an emitter calls on whoever listened when it began.
    if (isOver || headers.read(chunk) <= maxBytes) return;
    stop();
    refuse();
  };
  const stop = () => {
    isOver = true;
    tcp.off('data', onChunk);
  };
  tcp.on('data', onChunk);
  return stop;
}

/** Follows the stream of a client by the headers of its frames (RFC 6455, section 5.2). */
class FrameHeaders {
  private header: number[] = [];
  /** Bytes of the frame's payload that have still to come. */
  private rest = 0;
  /** Bytes of the message so far, as far as they were announced. */
  private message = 0;

  /** @returns the size of the largest message that a frame in a chunk began or continued */
  read(chunk: Buffer): number {
    let largest = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.rest > 0) {
        const skipped = Math.min(this.rest, chunk.length - at);
        this.rest -= skipped;
        at += skipped;
      } else {
        this.header.push(chunk.readUInt8(at++));
        if (this.header.length === headerSize(this.header))
          largest = Math.max(largest, this.begin());
      }
    }
    return largest;
  }

  /** Takes a header that is complete. @returns the size of its message up to here */
  private begin(): number {
    const [first = 0, second = 0, ...more] = this.header;
    this.header = [];
    this.rest = lengthOf(second & LENGTH, more);
    if ((first & OPCODE) >= FIRST_CONTROL) return 0;
    const size = this.message + this.rest;
    this.message = first & FIN ? 0 : size;
    return size;
  }
}

/** The size of a header of which a part is known; clients mask what they send. */
function headerSize([, second]: readonly number[]): number {
  if (second === undefined) return 2;
  const length = second & LENGTH;
  return length === 127 ? 14 : length === 126 ? 8 : 6;
}

function lengthOf(length: number, more: readonly number[]): number {
  if (length < 126) return length;
  return more.slice(0, length === 126 ? 2 : 8).reduce((value, byte) => value * 256 + byte, 0);
}
