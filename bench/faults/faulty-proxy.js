// A TCP proxy that imitates a bad network: it cuts, resets, stalls and half-closes connections.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const FAULTS = ['cut', 'reset', 'stall', 'vanish', 'half-close', 'torn frame'];
const LONGEST_STALL = 1_500;

export class FaultyProxy {
  counts = Object.fromEntries(FAULTS.map(fault => [fault, 0]));
  pairs = new Set();
  vanished = new Set();

  /** @param random returns numbers from 0 to 1 */
  static async start(port, random) {
    const proxy = new FaultyProxy();
    proxy.random = random;
    proxy.server = createServer({ allowHalfOpen: true }, near => proxy.join(near, port));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port() {
    return this.server.address().port;
  }

  /** Applies a random fault to one connection. */
  harm() {
    const pairs = [...this.pairs].filter(pair => !this.vanished.has(pair));
    const pair = pairs[Math.floor(this.random() * pairs.length)];
    if (!pair) return;
    const fault = FAULTS[Math.floor(this.random() * FAULTS.length)];
    this.counts[fault]++;
    const side = this.random() < 0.5 ? pair.near : pair.far;
    if (fault === 'cut') this.cut(pair);
    else if (fault === 'reset') side.resetAndDestroy();
    else if (fault === 'half-close') side.end();
    else if (fault === 'torn frame') pair.isTorn = true;
    else {
      pair.near.pause();
      pair.far.pause();
      // A vanished connection stays so: no other fault can make it worse.
      if (fault === 'vanish') this.vanished.add(pair);
      else setTimeout(() => this.resume(pair), this.random() * LONGEST_STALL);
    }
  }

  close() {
    for (const pair of this.pairs) this.cut(pair);
    this.server.close();
  }

  join(near, port) {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { near, far, isTorn: false, isCut: false };
    this.pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.on('data', chunk => {
        if (!pair.isTorn) {
          to.write(chunk);
          return;
        }
        // TCP delivers nothing after a gap.
        if (pair.isCut) return;
        pair.isCut = true;
        to.write(chunk.subarray(0, Math.floor(chunk.length / 2)));
        setImmediate(() => this.cut(pair));
      });
      from.on('end', () => to.end());
      from.on('error', () => undefined);
      from.on('close', () => this.cut(pair));
    }
  }

  resume(pair) {
    if (this.vanished.has(pair)) return;
    pair.near.resume();
    pair.far.resume();
  }

  cut(pair) {
    pair.near.destroy();
    pair.far.destroy();
    this.pairs.delete(pair);
    this.vanished.delete(pair);
  }
}
