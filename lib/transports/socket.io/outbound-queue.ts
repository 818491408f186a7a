import { contained } from '../../monitoring/index.js';
import type { EngineConnection } from './io-types.js';
import { webSocketOf } from './web-socket-engine.js';

interface Packet {
  readonly type: string;
  readonly data?: string | Buffer;
}

/** Counts the bytes that wait for one client, in Engine.IO and in its WebSocket. */
export class OutboundQueue {
  private waiting = 0;

  /** @param sending called for each packet before it is queued */
  constructor(
    private readonly conn: EngineConnection,
    sending: (packet: Packet) => void,
  ) {
    conn.on(
      'packetCreate',
      contained((packet: Packet) => {
        this.waiting += packet.data?.length ?? 0;
        sending(packet);
      }),
    );
    conn.on(
      'flush',
      contained(() => {
        this.waiting = 0;
      }),
    );
  }

  get bytes(): number {
    return this.waiting + (webSocketOf(this.conn)?.bufferedAmount ?? 0);
  }
}
