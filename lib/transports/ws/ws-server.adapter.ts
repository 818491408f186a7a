import type { Server } from 'node:http';
import { Logger } from '@nestjs/common';
import { AbstractWsAdapter } from '@nestjs/websockets';
import type { ServerOptions, WebSocketServer } from 'ws';
import { normalizePath } from '../../gateway/index.js';

/** A server with the path it serves. */
type PathServer = WebSocketServer & { path: string };

/** The port of the application's own HTTP server, as Nest names it. */
const PORT_OF_APPLICATION = 0;

/**
 * Keeps the ws servers of an application by port and path, like the `WsAdapter` of @nestjs/platform-ws. Importing that adapter
 * would force applications with Socket.IO to install the package.
 */
export abstract class WsServerAdapter extends AbstractWsAdapter {
  protected readonly logger = new Logger('SemanticEventsAdapter');
  private readonly httpServers = new Map<number, Server>();
  private readonly wsServers = new Map<number, PathServer[]>();

  /** Returns the class of the package ws. */
  protected abstract webSocketServer(): typeof WebSocketServer;

  /** Watches an HTTP server on which gateways listen. */
  protected abstract watch(httpServer: Server, port: number): void;

  /** Creates the HTTP server of a port that only gateways use. */
  protected abstract createHttpServer(): Server;

  /** Opens a ws server for a path of a port. */
  protected open(port: number, path: string | undefined, options: ServerOptions): WebSocketServer {
    this.listenOn(port);
    const server = new (this.webSocketServer())({ ...options, noServer: true }) as PathServer;
    server.path = normalizePath(path);
    // Each gateway at this path adds a listener. Ten or more are no leak.
    server.setMaxListeners(0);
    this.wsServers.set(port, [...(this.wsServers.get(port) ?? []), server]);
    return server;
  }

  protected serverAt(port: number, path: string): WebSocketServer | undefined {
    return this.wsServers.get(port)?.find(server => server.path === path);
  }

  /** Closes a server and terminates its sockets. */
  override async close(server: WebSocketServer): Promise<void> {
    const closed = new Promise<void>((resolve, reject) => {
      server.close(error => {
        if (error) reject(error);
        else resolve();
      });
    });
    for (const socket of server.clients) socket.terminate();
    await closed;
  }

  /** Closes the HTTP servers that this adapter opened. The application closes its own. */
  override async dispose(): Promise<void> {
    const own = [...this.httpServers].filter(([port]) => port !== PORT_OF_APPLICATION);
    await Promise.all(own.map(([, server]) => new Promise(resolve => server.close(resolve))));
    this.httpServers.clear();
    this.wsServers.clear();
  }

  private listenOn(port: number): void {
    if (this.httpServers.has(port)) return;
    const isOfApplication = port === PORT_OF_APPLICATION && Boolean(this.httpServer);
    const server = isOfApplication ? (this.httpServer as Server) : this.createHttpServer();
    this.httpServers.set(port, server);
    this.watch(server, port);
    if (!isOfApplication) server.listen(port);
  }
}
