import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocketServer } from 'ws';
import { refuseUpgrade } from './handshake-refusal.js';
import { requestedPath } from './requested-path.js';
import { SilentConnections } from './silent-connections.js';

/** How often silent connections are looked at, in milliseconds. */
const SCAN_INTERVAL = 1_000;

type UpgradeListener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

interface Watched {
  readonly silent: SilentConnections;
  readonly onUpgrade: UpgradeListener;
}

/** Guards the HTTP servers that gateways listen on against connections that never become a WebSocket. */
export class HttpServerGuard {
  private readonly servers = new Map<Server, Watched>();
  private scanner: NodeJS.Timeout | undefined;

  /** @param handshakeTimeout milliseconds a connection may take to send its first request */
  constructor(
    private readonly handshakeTimeout: number,
    private readonly now: () => number,
  ) {}

  /** @param gatewayAt what takes the handshakes for a path */
  watch(server: Server, gatewayAt: (path: string) => WebSocketServer | undefined): void {
    const silent = new SilentConnections();
    const onUpgrade: UpgradeListener = (request, socket, head) => {
      silent.heard(socket);
      socket.on('error', ignore);
      const path = requestedPath(request);
      const gateway = path === undefined ? undefined : gatewayAt(path);
      if (gateway)
        gateway.handleUpgrade(request, socket, head, opened => {
          // From here on ws listens itself.
          socket.off('error', ignore);
          gateway.emit('connection', opened, request);
        });
      else if (server.listenerCount('upgrade') === 1)
        refuseUpgrade(socket, { code: 'UNKNOWN_PATH' });
      else this.leaveToOthers(socket);
    };
    server.on('connection', (socket: Socket) => {
      silent.add(socket, this.now());
    });
    server.prependListener('request', ({ socket }: IncomingMessage) => {
      silent.heard(socket);
    });
    server.on('upgrade', onUpgrade);
    this.servers.set(server, { silent, onUpgrade });
    this.scanner ??= setInterval(() => {
      this.dropSince(this.now() - this.handshakeTimeout);
    }, SCAN_INTERVAL).unref();
  }

  /** Notes that a connection has sent a request that went past us. */
  heard(socket: Socket): void {
    for (const { silent } of this.servers.values()) silent.heard(socket);
  }

  /**
   * Lets no connection hold up a shutdown: the silent ones end at once, those in the middle of a request later.
   *
   * @param grace milliseconds for requests to finish
   */
  shutDown(grace: number): void {
    clearInterval(this.scanner);
    this.dropSince(Infinity);
    // A server that was handed in outlives us.
    for (const [server, { onUpgrade }] of this.servers) server.off('upgrade', onUpgrade);
    setTimeout(() => {
      for (const server of this.servers.keys()) server.closeAllConnections();
    }, grace).unref();
  }

  /** Another listener of the same server may want what is not ours, or forget it. */
  private leaveToOthers(socket: Socket): void {
    socket.setTimeout(this.handshakeTimeout, () => {
      if (socket.bytesWritten === 0) socket.destroy();
    });
  }

  private dropSince(time: number): void {
    for (const { silent } of this.servers.values()) silent.dropSince(time);
  }
}

/**
 * Nobody else may be listening, and a reset would end the process. Not written where it is used, because it would
 * keep the request for as long as the socket lives.
 */
function ignore(): void {
  return undefined;
}
