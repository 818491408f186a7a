import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy that can disturb connections: stall them, or drop them with the answers in transit. */
export class FaultyProxy {
  /** The number of connections so far. */
  accepted = 0;
  /** Whether new connections are closed at once. */
  isRefusing = false;
  /** Whether the answers on new connections are held until `releaseAnswers`. */
  isHolding = false;
  private readonly pairs = new Set<readonly [near: Socket, far: Socket]>();

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {}

  static async start(target: number): Promise<FaultyProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new FaultyProxy(server, target);
    server.on('connection', socket => {
      proxy.accept(socket);
    });
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Stops the answers on all current connections. Requests still arrive. */
  holdAnswers(): void {
    for (const [near, far] of this.pairs) {
      far.unpipe(near);
      far.pause();
    }
  }

  /** Sends the held answers, and all further ones. */
  releaseAnswers(): void {
    this.isHolding = false;
    for (const [near, far] of this.pairs) {
      far.unpipe(near);
      far.pipe(near);
    }
  }

  /** Breaks all current connections. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(near: Socket): void {
    this.accepted++;
    if (this.isRefusing) {
      near.destroy();
      return;
    }
    const far = connect(this.target, '127.0.0.1');
    const pair = [near, far] as const;
    this.pairs.add(pair);
    near.pipe(far);
    if (!this.isHolding) far.pipe(near);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  }
}
