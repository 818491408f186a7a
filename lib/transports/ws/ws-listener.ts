import type { Socket } from 'node:net';
import type { RawData } from 'ws';
import { type Connection, type Dispatcher, SHUTDOWN } from '../../connection/guarded/index.js';
import type { Client, ConnectionSlot, RefusalTarget } from '../../connection/index.js';
import type { FrameForm } from '../../event/index.js';
import type { Code, RefusalDetails } from '../../protocol/index.js';
import type { GuardedSocket } from './guarded-socket.js';
import { Arrivals } from './receive-batch.js';
import type { SocketOwner } from './socket-owner.js';
import type { WsEndpoint } from './ws-endpoint.js';
import { WsTransport } from './ws-transport.js';

/** The messages that may wait for the end of a batch, and the maximum bytes of each. One batch serves many sockets. */
const MAX_ARRIVED = 64;
const MAX_SIZE = 1_024;

/** Listens to one WebSocket: turns callbacks of ws into calls of the connection. */
export class WsListener implements SocketOwner, RefusalTarget {
  private readonly transport: WsTransport;
  /** The messages of this batch. */
  private arrived: Arrivals | undefined;
  private onClosed: ((reason: number) => void) | undefined;

  constructor(
    client: Client,
    socket: GuardedSocket,
    tcp: Socket,
    slot: ConnectionSlot,
    endpoint: WsEndpoint,
  ) {
    this.transport = new WsTransport(client, socket, tcp, slot, endpoint);
  }

  get connection(): Connection<Buffer> {
    return this.transport.connection;
  }

  get client(): Client {
    return this.connection.client;
  }

  get dispatcher(): Dispatcher {
    return this.transport.dispatcher;
  }

  received(data: RawData, isBinary: boolean): void {
    const { connection } = this;
    if (!connection.isReceiving) return;
    // By default ws passes messages as Buffers.
    const message = data as Buffer;
    if (isBinary || connection.isAnonymous || message.length > MAX_SIZE) {
      this.endBatch();
      connection.receive(isBinary ? undefined : message);
    } else {
      if (!this.arrived) this.transport.endpoint.batch.wait(this);
      this.arrived ??= new Arrivals();
      if (this.arrived.messages.push(message) === MAX_ARRIVED) this.endBatch();
    }
  }

  /** Handles the messages of this batch: at its end, or earlier to keep the order of frames. */
  endBatch(): void {
    const { arrived } = this;
    this.arrived = undefined;
    arrived?.runInAsyncScope(() => {
      for (const message of arrived.messages) this.connection.receive(message);
    });
  }

  pinged(data: Buffer): void {
    this.endBatch();
    const { connection, socket } = this.transport;
    if (connection.isOpen && connection.charge(1)) socket.pong(data);
  }

  ponged(): void {
    this.endBatch();
    const { connection } = this;
    if (connection.isOpen && connection.charge(1)) connection.markAlive();
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

  flush(): void {
    const { endpoint, tcp } = this.transport;
    endpoint.outbound.uncork(tcp);
  }

  ending(): void {
    this.endBatch();
    this.connection.stopReceiving();
  }

  closing(code: Code, reason: string): void {
    this.ending();
    this.connection.closing(code, reason);
  }

  closed(reason: number): void {
    this.ending();
    // Free the place first: streams run code of the application when they end, and that code may throw.
    this.connection.slot.release();
    this.connection.closed();
    this.dispatcher.stop();
    this.onClosed?.(reason);
  }

  /** Adds a callback of a gateway that receives the close code when the connection is gone. */
  whenClosed(callback: (reason: number) => void): void {
    const before = this.onClosed;
    this.onClosed = before
      ? reason => {
          before(reason);
          callback(reason);
        }
      : callback;
  }

  /** Answers a frame whose handler failed. */
  refuse(code: Code, details: RefusalDetails, form: FrameForm, eventType: string): void {
    this.transport.refuse(code, details, form, eventType);
  }

  /** Stops reading frames, waits for running handlers, and closes. */
  async shutDown(): Promise<void> {
    this.endBatch();
    await this.connection.drain();
    this.connection.end('SERVER_SHUTDOWN', { reason: SHUTDOWN });
  }
}
