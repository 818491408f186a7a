import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { OWNER } from '../../connection/index.js';
import { contained } from '../../monitoring/index.js';
import { FrameWatch, type FrameWatcher } from './frame-watch.js';
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

/** Reads from the TCP connection of one WebSocket, until the server stops reading frames. */
export class SocketReading implements FrameWatcher {
  /** Whether the client has sent a close frame since the server stopped parsing: it sends nothing more. */
  isAnswered = false;

  private readonly watch: FrameWatch;
  private isLifted = false;
  private isStopped = false;

  constructor(
    private readonly socket: OwnedSocket,
    private readonly tcp: Socket,
    private readonly limits: ReadLimits,
  ) {
    this.watch = new FrameWatch(tcp, limits.maxUnauthenticatedMessageSize, this);
  }

  /** Lifts the limits for unauthenticated clients. */
  liftLimits(): void {
    this.isLifted = true;
    this.watch.lift();
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

  tooLarge(): void {
    this.socket[OWNER]?.tooLarge?.();
  }

  fragments(count: number): void {
    this.socket[OWNER]?.fragments?.(count);
  }

  closeFrame(): void {
    if (!this.isStopped || this.isAnswered) return;
    this.isAnswered = true;
    this.endIfAnswered();
  }

  /** Ends the TCP connection after the close frames of both sides, as the server must (RFC 6455, section 7.1.1). */
  endIfAnswered(): void {
    if (this.isAnswered && this.socket.readyState !== this.socket.OPEN) this.tcp.end();
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
