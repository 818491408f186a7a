import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { OWNER } from '../../connection/index.js';
import { contained } from '../../monitoring/index.js';
import { FrameHeaders } from './frame-headers.js';
import type { SocketOwner } from './socket-owner.js';

/** The time a client has to read what was sent, once the server has stopped reading. Milliseconds. */
const LINGER = 1_000;

export interface ReadLimits {
  /** The size of a message before authentication, and what may follow the close frame of the server. Bytes. */
  readonly maxUnauthenticatedMessageSize: number;
  /** Bytes that may wait to be sent to one client, and what may follow the close frame after authentication. */
  readonly maxBufferedBytes: number;
}

/** The private parser of a WebSocket of ws. It is a stream of its own, and parses a whole chunk in one loop. */
type Parser = Writable & { _loop: boolean; _buffers: Buffer[] };

type OwnedSocket = WebSocket & { readonly [OWNER]?: SocketOwner | undefined };

/** The property of a TCP connection that refers to its reading. */
const READING = Symbol('reading');

/** One listener for all connections: a closure would cost memory for each. */
const onData = contained(function (this: Socket & { [READING]?: SocketReading }, chunk: Buffer) {
  this[READING]?.received(chunk);
});

/**
 * Reads from the TCP connection of one WebSocket, until the server stops reading frames. It watches the frames beneath ws,
 * because ws reports whole messages only, and has one size limit per server. An unauthenticated client needs a smaller limit.
 */
export class SocketReading extends FrameHeaders {
  /** Whether the client has sent a close frame since the server stopped parsing: it sends nothing more. */
  isAnswered = false;

  /** The size limit of a message; Infinity once it is lifted or exceeded. Bytes. */
  private limit: number;
  private isLifted = false;
  /** Whether the server has stopped parsing frames. */
  isStopped = false;

  constructor(
    private readonly socket: OwnedSocket,
    private readonly tcp: Socket & { [READING]?: SocketReading },
    private readonly limits: ReadLimits,
  ) {
    super();
    this.limit = limits.maxUnauthenticatedMessageSize;
    tcp[READING] = this;
    tcp.on('data', onData);
  }

  /** Reads a chunk that ws has parsed. */
  received(chunk: Buffer): void {
    this.read(chunk);
    if (this.fragments > 0) this.socket[OWNER]?.fragments?.(this.fragments);
    if (this.largest > this.limit) {
      this.limit = Infinity;
      this.socket[OWNER]?.tooLarge?.();
    }
    if (this.hasClose) this.answered();
  }

  /** Lifts the limits for unauthenticated clients. */
  liftLimits(): void {
    this.isLifted = true;
    this.limit = Infinity;
  }

  /**
   * Stops parsing frames, also those that have already arrived in the same chunk. Further bytes are read and dropped, so that the
   * client can finish what it sends and read what was sent to it. If the client sends too much, the server drops it a moment
   * later.
   */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.stopParser();
    const { socket, tcp } = this;
    socket.pause();
    if (!tcp.writableNeedDrain) {
      this.drop();
      return;
    }
    // A client that does not read is not read, either.
    const drop = contained(() => {
      tcp.off('drain', drop).off('finish', drop);
      this.drop();
    });
    tcp.on('drain', drop).on('finish', drop);
  }

  /** Makes ws ignore what it has not parsed yet. */
  stopParser(): void {
    const { _receiver: parser } = this.socket as unknown as { _receiver: Parser };
    parser._loop = false;
    parser._buffers = [];
    parser._write = (_chunk, _encoding, done) => {
      done();
    };
  }

  /** Ends the TCP connection after the close frames of both sides, as the server must (RFC 6455, section 7.1.1). */
  endIfAnswered(): void {
    if (this.isAnswered && this.socket.readyState !== this.socket.OPEN) this.tcp.end();
  }

  private answered(): void {
    if (!this.isStopped || this.isAnswered) return;
    this.isAnswered = true;
    this.endIfAnswered();
  }

  /** Reads and drops bytes. */
  private drop(): void {
    const { limits, socket, tcp } = this;
    const { maxBufferedBytes, maxUnauthenticatedMessageSize } = limits;
    const last = tcp.bytesRead + (this.isLifted ? maxBufferedBytes : maxUnauthenticatedMessageSize);
    const count = contained(() => {
      if (tcp.bytesRead < last) return;
      tcp.off('data', count);
      socket.pause();
      setTimeout(
        contained(() => {
          socket.terminate();
        }),
        LINGER,
      ).unref();
    });
    tcp.on('data', count);
    socket.resume();
  }
}
