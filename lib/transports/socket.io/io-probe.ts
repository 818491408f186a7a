import type { RawData } from 'ws';
import { type Connection, unitsOf } from '../../connection/guarded/index.js';
import type { GuardedSocket, SocketOwner } from '../ws/index.js';

/** Owns a WebSocket to which a polling client may move, until it does. Everything on it is charged to the connection. */
export class IoProbe implements SocketOwner {
  constructor(
    private readonly connection: Connection<string>,
    private readonly socket: GuardedSocket,
  ) {}

  received(data: RawData): void {
    this.charge(unitsOf((data as Buffer).length, 0));
  }

  pinged(data: Buffer): void {
    if (this.charge(1)) this.socket.pong(data);
  }

  ponged(): void {
    this.charge(1);
  }

  tooLarge(): void {
    this.connection.refuseTooLarge();
  }

  fragments(count: number): void {
    this.connection.chargeFragments(count);
  }

  closing(): void {
    // The client continues to poll.
  }

  private charge(units: number): boolean {
    return this.connection.isOpen && this.connection.charge(units);
  }
}
