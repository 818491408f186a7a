/** The names of all keys. The part in braces is the hash tag. Keys that one script uses have the same hash tag. */
export class RedisKeys {
  /** The nodes that count connections. The keys with their counts start with this key. */
  readonly nodes: string;
  /** The notices of revocations, after which nodes close connections. */
  readonly revocations: string;
  /** The log of the event mesh. */
  readonly events: string;
  /** The clock offsets of the nodes. */
  readonly clocks: string;
  /** The key that a probe writes. */
  readonly probe: string;
  /** The application that uses the prefix. */
  readonly owner: string;

  constructor(private readonly prefix: string) {
    this.nodes = `${prefix}{nodes}`;
    this.revocations = `${prefix}{revocations}`;
    this.events = `${prefix}{se}:events`;
    this.clocks = `${prefix}{clocks}`;
    this.probe = `${prefix}{probe}`;
    this.owner = `${prefix}{owner}`;
  }

  /** Returns the key with the state of one shard of nonces. */
  memory(tag: string): string {
    return `${this.prefix}{${tag}}:memory`;
  }

  /** Returns the key of the vouch: while it exists, the memory of a shard is complete. */
  vouch(tag: string): string {
    return `${this.prefix}{${tag}}:vouch`;
  }

  nonce(tag: string, key: string): string {
    return `${this.prefix}{${tag}}:n:${key}`;
  }

  /** Returns the key with the time of a log-out, which exists until the tokens of the session or user expire. */
  loggedOut(kind: 'session' | 'user', id: string): string {
    return `${this.prefix}ended:${kind}:${id}`;
  }

  /** Returns the key of the last entry that a node has appended to the event log. */
  publisher(node: string): string {
    return `${this.prefix}{se}:p:${node}`;
  }

  /** Returns the keys of a room: connections by user, and its nodes. The key of each node starts with `nodes`. */
  room(name: string): { users: string; nodes: string } {
    const key = `${this.prefix}{room:${encodeURIComponent(name)}}`;
    return { users: `${key}:users`, nodes: `${key}:nodes` };
  }

  bucket(key: string): string {
    return `${this.prefix}b:${key}`;
  }
}
