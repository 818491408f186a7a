import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocketServer } from 'ws';
import { attempt, contained } from '../monitoring/index.js';
import type { HandshakePolicy, HandshakeRefusal } from './handshake-policy.js';
import { refuseUpgrade } from './handshake-refusal.js';
import { requestedPath } from './requested-path.js';
import { SilentConnections } from './silent-connections.js';

/** The interval between two scans of silent connections, in milliseconds. */
const SCAN_INTERVAL = 1_000;

type UpgradeListener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** Returns the server of a path; `elsewhere` if another listener of the HTTP server handles it under its own limits. */
type GatewayAt = (path: string) => WebSocketServer | 'elsewhere' | undefined;

interface Watched {
  readonly silent: SilentConnections;
  readonly onUpgrade: UpgradeListener;
}

/** Protects the HTTP servers of gateways from connections that never become a WebSocket. */
export class HttpServerGuard {
  private readonly servers = new Map<Server, Watched>();
  private scanner: NodeJS.Timeout | undefined;

  /**
   * @param handshakeTimeout milliseconds until the first request of a connection, or until the answer to its upgrade
   * @param refused called with an upgrade that is refused here, because its path has no gateway
   */
  constructor(
    private readonly handshakeTimeout: number,
    private readonly now: () => number,
    private readonly policy: Pick<HandshakePolicy, 'attempt'>,
    private readonly refused: (
      request: IncomingMessage,
      refusal: HandshakeRefusal,
    ) => void = ignore,
  ) {}

  /** @param engines returns the number of upgrade listeners that only handle paths for which `gatewayAt` returns `elsewhere` */
  watch(server: Server, gatewayAt: GatewayAt, engines: () => number = () => 0): void {
    const silent = new SilentConnections();
    const isOurs = () => server.listenerCount('upgrade') === 1 + engines();
    const onUpgrade = contained(this.upgrading(isOurs, silent, gatewayAt), (_, __, socket) => {
      socket.destroy();
    });
    server.on(
      'connection',
      contained((socket: Socket) => {
        silent.add(socket, this.now());
      }, destroySocket),
    );
    server.prependListener(
      'request',
      contained((request: IncomingMessage, response: ServerResponse) => {
        follow(silent, request, response);
      }),
    );
    server.on('upgrade', onUpgrade);
    this.servers.set(server, { silent, onUpgrade });
    this.scanner ??= setInterval(
      contained(() => {
        this.dropSince(this.now() - this.handshakeTimeout);
      }),
      SCAN_INTERVAL,
    ).unref();
  }

  /** Records a request that another listener received: an upgrade, if it has no response. */
  requestReceived(request: IncomingMessage, response: ServerResponse | undefined): void {
    for (const { silent } of this.servers.values())
      if (response) follow(silent, request, response);
      else silent.untrack(request.socket);
  }

  /**
   * Ends connections at shutdown, so that no client delays it. Silent connections end at once. Connections with an incomplete
   * request end after `grace`. The application decides when a running request ends.
   *
   * @param grace milliseconds for clients that still send a request
   */
  shutDown(grace: number): void {
    clearInterval(this.scanner);
    this.dropSince(Infinity);
    // A server of the application may outlive the adapter.
    for (const [server, { onUpgrade }] of this.servers) server.off('upgrade', onUpgrade);
    setTimeout(
      contained(() => {
        this.dropSince(Infinity);
        for (const { silent } of this.servers.values()) silent.dropUnfinished();
      }),
      grace,
    ).unref();
  }

  private upgrading(
    isOurs: () => boolean,
    silent: SilentConnections,
    gatewayAt: GatewayAt,
  ): UpgradeListener {
    return (request, socket, head) => {
      socket.on('error', ignore);
      const path = requestedPath(request);
      const gateway = path === undefined ? undefined : gatewayAt(path);
      if (!gateway) {
        silent.awaitUpgrade(socket, this.now());
        // Another listener of the same server may handle this upgrade, or ignore it.
        const isUnhandled = isOurs();
        attempt(async () => this.refuseUnknown(request, socket, isUnhandled));
        return;
      }
      silent.untrack(socket);
      if (gateway !== 'elsewhere') handOver(gateway, request, socket, head);
    };
  }

  private async refuseUnknown(
    request: IncomingMessage,
    socket: Socket,
    isUnhandled: boolean,
  ): Promise<void> {
    const limited = await this.policy.attempt(request);
    if (isUnhandled) {
      const refusal = limited ?? { code: 'UNKNOWN_PATH' };
      this.refused(request, refusal);
      refuseUpgrade(socket, refusal);
    }
    // Another listener may have answered already.
    else if (limited && socket.bytesWritten === 0) {
      this.refused(request, limited);
      socket.destroy();
    }
  }

  private dropSince(time: number): void {
    for (const { silent } of this.servers.values()) silent.dropSince(time);
  }
}

function handOver(
  gateway: WebSocketServer,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const opened = contained(
    (webSocket: Parameters<Parameters<WebSocketServer['handleUpgrade']>[3]>[0]) => {
      // ws has its own listener from here on.
      socket.off('error', ignore);
      gateway.emit('connection', webSocket, request);
    },
    (_, webSocket) => {
      webSocket.terminate();
    },
  );
  gateway.handleUpgrade(request, socket, head, opened);
}

function follow(
  silent: SilentConnections,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const answered = silent.handling(request);
  if (answered) response.once('close', contained(answered));
}

function destroySocket(_: unknown, socket: Socket): void {
  socket.destroy();
}

/**
 * Ignores errors of a socket: without a listener, a reset would end the process. It is not a closure, because a closure would
 * keep the request in memory as long as the socket.
 */
const ignore = () => undefined;
