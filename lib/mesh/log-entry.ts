/** An event to append to the log. */
export interface NewEntry {
  /** The channel of the event, as `channelOf` returns it. `PUBLIC` is the channel of public events. */
  readonly channel: string;
  /** The type of the event. It is empty for an internal message between nodes. */
  readonly type: string;
  /** The canonical JSON of the event without a signature. It is signed separately for each client. */
  readonly text: string;
}

/** An event in the log. */
export interface LogEntry extends NewEntry {
  readonly cursor: string;
}
