import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach } from '@jest/globals';

const open = new Set<Balancer>();

/** Forwards each TCP connection to the next of some local ports, as a load balancer does. */
export class Balancer {
  /** The ports that get new connections. */
  readonly ports: number[] = [];
  private turn = 0;
  private readonly server = createServer(socket => {
    const target = connect(this.ports[this.turn++ % this.ports.length]!, '127.0.0.1');
    for (const [one, other] of [
      [socket, target],
      [target, socket],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });

  static async start(): Promise<Balancer> {
    const balancer = new Balancer();
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    open.add(balancer);
    return balancer;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
  }
}

afterEach(() => {
  for (const balancer of open) balancer.close();
  open.clear();
});
