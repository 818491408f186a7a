/**
 * The names of all keys. They share one hash tag, so that any of them can be part of one script and one
 * pipeline on a Redis Cluster, too: limit and nonce of an event are one step, connections are counted in several
 * counts at once. The price is that everything lives on one shard of a cluster. One shard decides some hundred
 * thousand events a second; who needs more, or room for more nonces than it has memory, gives each application
 * a Redis of its own.
 */
export class RedisKeys {
  private readonly base: string;

  /** Which memory Redis has now. */
  readonly epoch: string;
  /** There while nodes bring back what Redis has forgotten. */
  readonly settling: string;
  /** Which nodes count connections; their counts are in keys that start with this one. */
  readonly nodes: string;
  /** What nodes tell each other of. */
  readonly revocations: string;
  /** What nodes have told again, for a while after Redis has forgotten it. */
  readonly retold: string;
  /** The log of the event mesh. */
  readonly events: string;
  /** Written to see whether Redis can be. */
  readonly probe: string;

  constructor(prefix: string) {
    this.base = `${prefix}{se}:`;
    this.epoch = `${this.base}epoch`;
    this.settling = `${this.base}settling`;
    this.nodes = `${this.base}nodes`;
    this.revocations = `${this.base}revocations`;
    this.retold = `${this.base}retold`;
    this.events = `${this.base}events`;
    this.probe = `${this.base}probe`;
  }

  nonce(key: string): string {
    return `${this.base}n:${key}`;
  }

  /** What a node has added last to the log of the event mesh. */
  publisher(node: string): string {
    return `${this.base}p:${node}`;
  }

  bucket(key: string): string {
    return `${this.base}b:${key}`;
  }
}
