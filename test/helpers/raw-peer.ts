import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { stopwatch } from './stopwatch.js';

export const CONTINUATION = 0;
export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export interface FrameOptions {
  opcode?: number;
  /** Whether this is the last fragment of its message. @default true */
  fin?: boolean;
  /** The reserved bits; 4 means compressed. @default 0 */
  rsv?: number;
  /** @default true */
  masked?: boolean;
}

/** Creates one WebSocket frame of a client (RFC 6455, section 5.2), valid or invalid. */
export function frame(
  content: string | Buffer,
  { opcode = TEXT, fin = true, rsv = 0, masked = true }: FrameOptions = {},
): Buffer {
  const payload = Buffer.from(content);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const mask = masked ? randomBytes(4) : Buffer.alloc(0);
  const body = masked ? payload.map((byte, at) => byte ^ mask[at % 4]!) : payload;
  return Buffer.concat([lengthOf(first, payload.length, masked), mask, body]);
}

function lengthOf(first: number, length: number, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([first, bit | length]);
  const header = Buffer.from([first, bit | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 6);
  return header;
}

interface Answer {
  status: number;
  /** The head of the answer as it was received. */
  head: string;
  body: string;
}

const TIMEOUT = 20_000;
/** The interval at which a waiting peer checks its buffer, in milliseconds. */
const STEP = 50;

/** A TCP client that sends exactly the HTTP and WebSocket bytes of a test, and never answers by itself. */
export class RawPeer {
  /** Received bytes that were not read yet. */
  private buffer = Buffer.alloc(0);
  private isGone = false;
  /** Ends the wait for more bytes. */
  private wake: () => void = () => undefined;
  /** Resolves when the TCP connection has ended. */
  readonly gone: Promise<void>;

  private constructor(readonly socket: Socket) {
    socket.on('data', chunk => {
      this.buffer = Buffer.concat([this.buffer, chunk]);
      this.wake();
    });
    socket.on('error', () => undefined);
    this.gone = new Promise(resolve => {
      socket.once('end', resolve).once('close', resolve);
    });
    void this.gone.then(() => {
      this.isGone = true;
      this.wake();
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawPeer> {
    const socket = connect({ port, host, allowHalfOpen: true });
    const peer = new RawPeer(socket);
    peers.push(peer);
    await once(socket, 'connect');
    return peer;
  }

  /** Connects, and checks that the handshake is accepted. */
  static async open(port: number, path = '/events', headers: Headers = {}): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    const { status } = await peer.handshake(path, headers);
    if (status !== 101) throw new Error(`handshake refused with ${status}`);
    return peer;
  }

  async handshake(path?: string, headers?: Headers): Promise<Answer> {
    this.write(request(path, headers));
    return this.answer();
  }

  /** Returns the HTTP answer; its status is 0 if the connection ended without one. */
  async answer(): Promise<Answer> {
    const end = () => this.buffer.indexOf('\r\n\r\n');
    await this.until(() => end() >= 0 || this.isGone);
    if (end() < 0) return { status: 0, head: '', body: '' };
    const head = this.buffer.subarray(0, end()).toString();
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    if (status !== 101) await this.gone;
    this.buffer = this.buffer.subarray(end() + 4);
    return { status, head, body: status === 101 ? '' : this.buffer.toString() };
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  send(content: unknown, options?: FrameOptions): void {
    const raw = typeof content === 'string' || Buffer.isBuffer(content);
    this.write(frame(raw ? content : JSON.stringify(content), options));
  }

  /** Returns the next frame of the server; undefined if the connection ends without one. */
  async next(): Promise<{ opcode: number; payload: Buffer } | undefined> {
    const head = () => (this.buffer.length < 2 ? Infinity : sizeOf(this.buffer));
    await this.until(() => this.buffer.length >= head() || this.isGone);
    if (this.buffer.length < head()) return undefined;
    const size = head();
    const payload = this.buffer.subarray(offsetOf(this.buffer), size);
    const opcode = this.buffer[0]! & 0x0f;
    this.buffer = this.buffer.subarray(size);
    return { opcode, payload };
  }

  /** Returns the code of the close frame, after skipping other frames; 1006 if there is none. */
  async closeCode(): Promise<number> {
    for (let frames = 0; frames < 100_000; frames++) {
      const next = await this.next();
      if (!next) return 1006;
      if (next.opcode === CLOSE)
        return next.payload.length < 2 ? 1005 : next.payload.readUInt16BE();
    }
    throw new Error('too many frames before a close frame');
  }

  /** Resets the TCP connection: to the other end it looks like a pulled cable. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  private async until(isTrue: () => boolean): Promise<void> {
    const elapsed = stopwatch();
    while (!isTrue()) {
      if (elapsed() > TIMEOUT) throw new Error('nothing came from the server');
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, STEP);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

type Headers = Record<string, string | undefined>;

/** Creates a handshake. Headers with the value undefined are omitted. */
export function request(path = '/events', headers: Headers = {}, method = 'GET'): string {
  const all: Headers = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

function offsetOf(head: Buffer): number {
  const length = head[1]! & 0x7f;
  return length === 127 ? 10 : length === 126 ? 4 : 2;
}

function sizeOf(head: Buffer): number {
  const offset = offsetOf(head);
  if (head.length < offset) return Infinity;
  const length = head[1]! & 0x7f;
  if (length === 127) return offset + head.readUInt32BE(6);
  return offset + (length === 126 ? head.readUInt16BE(2) : length);
}

const peers: RawPeer[] = [];

// test-app imports this file, so that this runs before the applications stop.
afterEach(() => {
  for (const peer of peers.splice(0)) peer.socket.destroy();
});
