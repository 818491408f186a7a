import type { WebSocket } from 'ws';
import { errorFrame } from '../protocol/index.js';

const TOO_LARGE = 1009;

/**
 * The socket class of a ws server, with one difference: ws closes by itself over a message that is too large,
 * and this tells the peer in an error frame first, as every other refusal does.
 */
export function refusingSocket(Base: typeof WebSocket): typeof WebSocket {
  return class RefusingSocket extends Base {
    override close(code?: number, reason?: string | Buffer): void {
      if (code === TOO_LARGE && reason === undefined && this.readyState === this.OPEN) {
        this.send(errorFrame('MESSAGE_TOO_LARGE'));
        super.close(code, 'MESSAGE_TOO_LARGE');
      } else {
        super.close(code, reason);
      }
    }
  };
}
