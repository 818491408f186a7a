import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** Guards the HTTP servers that gateways listen on against connections that never become a WebSocket. */
export class HttpServerGuard {
  /** TCP connections that have not sent a request yet. */
  private readonly silent = new Set<Socket>();

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.silent.add(socket);
      socket.once('close', () => this.silent.delete(socket));
    });
    server.prependListener('request', ({ socket }: IncomingMessage) => {
      this.silent.delete(socket);
    });
    server.prependListener('upgrade', refuseUnparsable);
  }

  /** Ends them all, so that none can hold up a shutdown. */
  dropSilent(): void {
    for (const socket of this.silent) socket.destroy();
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
