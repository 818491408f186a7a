import type { EngineConnection } from './io-types.js';
import { webSocketOf } from './web-socket-engine.js';

interface Packet {
  readonly type: string;
  readonly data?: string | Buffer;
}

/** Counts what waits to be sent to one peer: with the engine, and with its WebSocket. */
export class SendQueue {
  private waiting = 0;

  /** @param sending called for each packet before it is queued */
  constructor(
    private readonly conn: EngineConnection,
    sending: (packet: Packet) => void,
  ) {
    conn.on('packetCreate', (packet: Packet) => {
      this.waiting += packet.data?.length ?? 0;
      sending(packet);
    });
    conn.on('flush', () => {
      this.waiting = 0;
    });
  }

  get bytes(): number {
    return this.waiting + (webSocketOf(this.conn)?.bufferedAmount ?? 0);
  }
}
