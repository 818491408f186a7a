/** The place of a handler in the handlers of a connection. */
export interface Route {
  readonly at: number;
  readonly isPublic: boolean;
  /** Whether replies to events in Nest's own frame are signed. */
  readonly signsReply: boolean;
}

/** Facts about the handlers of one gateway. */
export interface GatewayFacts {
  /** The message of each handler. */
  readonly messages: readonly string[];
  /** Whether each handler may be called without authentication. */
  readonly isPublic: readonly boolean[];
  readonly isSecure: boolean;
}

/**
 * The handlers of each message, in the order in which the gateways bind them. Connections of the same gateways share one table,
 * so that each connection stores only its handlers.
 */
export class RouteTable {
  private readonly routes = new Map<string, readonly Route[]>();
  private readonly extensions = new Map<GatewayFacts, RouteTable>();
  private size = 0;

  /** Returns the routes of a message; undefined if it has no handler. */
  find(message: string): readonly Route[] | undefined {
    return this.routes.get(message);
  }

  /** Returns a table with the routes of this one, followed by the handlers of one more gateway. */
  with(facts: GatewayFacts): RouteTable {
    const known = this.extensions.get(facts);
    if (known) return known;
    const { messages, isPublic, isSecure } = facts;
    const table = new RouteTable();
    for (const [message, routes] of this.routes) table.routes.set(message, routes);
    for (const [index, message] of messages.entries()) {
      const route = {
        at: this.size + index,
        isPublic: isPublic[index] === true,
        signsReply: isSecure,
      };
      table.routes.set(message, [...(table.find(message) ?? []), route]);
    }
    table.size = this.size + messages.length;
    this.extensions.set(facts, table);
    return table;
  }
}
