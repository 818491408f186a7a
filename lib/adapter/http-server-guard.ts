import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** How often silent connections are looked at, in milliseconds. */
const SCAN_INTERVAL = 1_000;

/** Guards the HTTP servers that gateways listen on against connections that never become a WebSocket. */
export class HttpServerGuard {
  private readonly servers: Server[] = [];
  /** TCP connections that have not sent a request yet, and when they were made. */
  private readonly silent = new Map<Socket, number>();
  private scanner: NodeJS.Timeout | undefined;

  /** @param handshakeTimeout milliseconds a connection may take to send its first request */
  constructor(
    private readonly handshakeTimeout: number,
    private readonly now: () => number,
  ) {}

  watch(server: Server): void {
    this.servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.silent.set(socket, this.now());
      socket.once('close', () => this.silent.delete(socket));
    });
    server.prependListener('request', ({ socket }: IncomingMessage) => {
      this.silent.delete(socket);
    });
    server.prependListener('upgrade', (request: IncomingMessage, socket: Socket) => {
      this.silent.delete(socket);
      refuseUnparsable(request, socket);
    });
    this.scanner ??= setInterval(() => {
      this.dropSilent(this.now() - this.handshakeTimeout);
    }, SCAN_INTERVAL).unref();
  }

  /**
   * Lets no connection hold up a shutdown: the silent ones end at once, those in the middle of a request later.
   *
   * @param grace milliseconds for requests to finish
   */
  shutDown(grace: number): void {
    clearInterval(this.scanner);
    this.dropSilent(Infinity);
    setTimeout(() => {
      for (const server of this.servers) server.closeAllConnections();
    }, grace).unref();
  }

  private dropSilent(madeBefore: number): void {
    for (const [socket, madeAt] of this.silent) if (madeAt <= madeBefore) socket.destroy();
  }
}

/**
 * Nest's own listener answers a request target it cannot parse on a socket nobody listens to any more: a reset of
 * that would end the process, and a peer that does not close it would keep it for ever.
 */
function refuseUnparsable({ url = '', headers }: IncomingMessage, socket: Socket): void {
  socket.on('error', () => undefined);
  if (!URL.canParse(url, `ws://${headers.host}/`)) socket.destroy();
}
