import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { EventData, Public, SecureGateway } from '../../lib/index.js';

/** Handlers that finish when a test allows it. */
@WebSocketGateway({ path: '/events' })
@SecureGateway()
export class GatedGateway {
  started = 0;
  running = 0;
  mostAtOnce = 0;
  private waiting: (() => void)[] = [];
  private isOpen = false;

  @SubscribeMessage('gated.wait')
  @Public()
  async wait(@EventData() data: unknown) {
    await this.pass();
    return { done: data };
  }

  @SubscribeMessage('gated.silent')
  @Public()
  async silent() {
    await this.pass();
  }

  /** Returns a reply of the requested size in bytes. */
  @SubscribeMessage('gated.bytes')
  @Public()
  bytes(@EventData() size: number) {
    return 'x'.repeat(size);
  }

  /** Lets a number of waiting handlers finish, the oldest first. */
  release(count: number): void {
    for (const resolve of this.waiting.splice(0, count)) resolve();
  }

  /** Lets all handlers finish, and later ones at once. */
  open(): void {
    this.isOpen = true;
    this.release(Infinity);
  }

  private async pass(): Promise<void> {
    this.started++;
    this.running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    if (!this.isOpen) await new Promise<void>(resolve => this.waiting.push(resolve));
    this.running--;
  }
}

/** Creates an event without a signature, for handlers that do not require one. */
export function unsigned(type: string, data?: unknown, id = 'id-1') {
  return { type: 'event', event: { specversion: '1.0', type, source: 'test', id, data } };
}
