import {
  closedOrLate,
  type Connection,
  type ServedEndpoint,
  SHUTDOWN,
} from '../../connection/guarded/index.js';
import { type Client, type ConnectionSlot, OWNER } from '../../connection/index.js';
import { contained } from '../../monitoring/index.js';
import { type Code, factsOf } from '../../protocol/index.js';
import type { GuardedSocket, SocketOwner } from '../ws/index.js';
import { IoProbe } from './io-probe.js';
import { IoTransport } from './io-transport.js';
import type { EngineConnection } from './io-types.js';
import { webSocketOf } from './web-socket-engine.js';

type OwnedSocket = GuardedSocket & { [OWNER]?: SocketOwner | undefined };

/** Translates the callbacks of Engine.IO and of its WebSocket into calls of the connection. */
export class IoListener implements SocketOwner {
  readonly transport: IoTransport;

  constructor(
    client: Client,
    private readonly conn: EngineConnection,
    slot: ConnectionSlot,
    endpoint: ServedEndpoint,
  ) {
    this.transport = new IoTransport(client, conn, slot, endpoint, takeParser(conn));
    this.listen();
  }

  get connection(): Connection<string> {
    return this.transport.connection;
  }

  // These are pings and pongs of the WebSocket itself. Engine.IO does not use them.

  pinged(data: Buffer): void {
    if (this.connection.isOpen && this.connection.charge(1)) webSocketOf(this.conn)?.pong(data);
  }

  ponged(): void {
    if (this.connection.isOpen) this.connection.charge(1);
  }

  tooLarge(): void {
    this.connection.refuseTooLarge();
  }

  fragments(count: number): void {
    this.connection.chargeFragments(count);
  }

  mayCompress(bytes: number): boolean {
    return this.connection.mayCompress(bytes);
  }

  closing(code: Code, reason: string): void {
    this.connection.closing(code, reason);
  }

  // Engine.IO closes without a code. A client that is in no namespace yet can read the code only here.
  closesWith(): [code?: number, reason?: Code] {
    const { endedBy } = this.connection;
    const close = endedBy && factsOf(endedBy).close;
    return close === undefined ? [] : [close, endedBy];
  }

  /** Owns a WebSocket to which this polling client may move. */
  probed(socket: OwnedSocket): void {
    socket[OWNER] = new IoProbe(this.connection, socket);
    this.transport.add(socket);
  }

  /** Stops reading messages, waits for running handlers, and closes. */
  async shutDown(): Promise<void> {
    const { connection, conn } = this;
    await connection.drain();
    if (!connection.isOpen) return;
    const carrier = webSocketOf(conn) ?? conn;
    const closed = new Promise(resolve => carrier.once('close', resolve));
    connection.end('SERVER_SHUTDOWN', { reason: SHUTDOWN });
    await closedOrLate(closed);
    this.transport.drop();
  }

  private listen(): void {
    const { conn, connection } = this;
    const failed = () => {
      this.transport.drop();
    };
    conn.on(
      'data',
      contained((data: unknown) => {
        if (connection.isOpen) connection.receive(typeof data === 'string' ? data : undefined);
      }, failed),
    );
    conn.on(
      'packet',
      contained(({ type }: { type: string }) => {
        if (type !== 'message' && connection.isOpen) connection.charge(1);
      }, failed),
    );
    this.own();
    conn.once(
      'upgrade',
      contained(() => {
        this.own();
      }, failed),
    );
    conn.once(
      'close',
      contained(() => {
        connection.closed();
        this.transport.admission.reject('UNAUTHENTICATED');
      }),
    );
  }

  private own(): void {
    const socket: OwnedSocket | undefined = webSocketOf(this.conn);
    if (!socket) return;
    socket[OWNER] = this;
    this.transport.add(socket);
  }
}

/** Removes Socket.IO's parser from a connection and returns it, so that each message is charged before it is parsed. */
function takeParser(conn: EngineConnection): (data: unknown) => void {
  const [parse] = conn.listeners('data') as [(data: unknown) => void];
  conn.off('data', parse);
  return parse;
}
