import { PUBLIC } from '../mesh/index.js';

/** The names of the keys of the event log. They share the hash slot of the first one. */
export class EventLogKeys {
  /** The stream of public events. */
  readonly events: string;
  /** A hash with the epoch, the last id and the last dropped ids. */
  readonly state: string;
  /** A hash with the size and the last dropped id of each channel. */
  readonly channels: string;
  /** A stream with the ids of all addressed events in order. */
  readonly index: string;
  /** The audiences, ordered by the characters of their events. */
  readonly sizes: string;
  /** A hash of the nodes that publish or follow, each with the Redis process that it used last. */
  readonly nodes: string;
  /** A key that exists until the next tick is due. */
  readonly tick: string;
  /** Follows the name of a stream in the name of its Redis channel. */
  readonly channelSuffix: string;

  /**
   * @param database the number of the database. Redis publishes to all databases, so the name of a channel must have it. A
   * cluster has database 0 only.
   */
  constructor(events: string, database = 0) {
    this.events = events;
    this.channelSuffix = database === 0 ? '' : `@${database}`;
    this.state = `${events}:log`;
    this.channels = `${events}:channels`;
    this.index = `${events}:to`;
    this.sizes = `${events}:sizes`;
    this.nodes = `${events}:nodes`;
    this.tick = `${events}:tick`;
  }

  /** Returns the stream of a channel. The scripts build the same name. */
  stream(channel: string): string {
    return channel === PUBLIC ? this.events : `${this.index}:${channel}`;
  }

  /** Returns the key with the number of the last event that a node has appended. */
  publisher(node: string): string {
    return `${this.events}:p:${node}`;
  }

  /** Returns the hash with the cursors since which a user has rights to patterns. */
  grants(user: string): string {
    return `${this.events}:g:${user}`;
  }
}
