import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy that can turn into a black hole: data vanishes, and no connection breaks. */
export class BlackHole {
  private readonly sockets = new Set<Socket>();
  private readonly swallowed = new Set<Socket>();
  private isHole = false;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', socket => {
      this.relay(socket);
    });
  }

  static async start(target: number): Promise<BlackHole> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BlackHole(server, target);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Drops all data, on existing connections permanently, and on new ones until `pass`. */
  swallow(): void {
    this.isHole = true;
    for (const socket of this.sockets) this.swallowed.add(socket);
  }

  pass(): void {
    this.isHole = false;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private relay(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from);
      if (this.isHole) this.swallowed.add(from);
      from.on('error', () => undefined);
      from.on('data', bytes => {
        if (!this.swallowed.has(from)) to.write(bytes);
      });
      from.on('close', () => {
        this.sockets.delete(from);
        if (!this.swallowed.delete(from)) to.destroy();
      });
    }
  }
}
