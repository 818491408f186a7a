/** Where a handler is found among those of a connection. */
export interface Route {
  readonly at: number;
  readonly isPublic: boolean;
  /** Whether answers to events that came in Nest's own frame are signed. */
  readonly signsReply: boolean;
}

/** What there is to know of one gateway, told by its messages. */
export interface GatewayFacts {
  /** The messages that may be handled without authentication. */
  readonly publicMessages: ReadonlySet<string>;
  readonly isSecure: boolean;
}

interface Extension {
  readonly messages: readonly string[];
  readonly table: RouteTable;
}

/**
 * Which messages the handlers of a connection take, in the order in which its gateways bind them. Connections that are
 * bound to the same share one table: Nest makes handlers for each of them, and no more has to be kept of each.
 */
export class RouteTable {
  private readonly routes = new Map<string, readonly Route[]>();
  private readonly extensions: Extension[] = [];
  private size = 0;

  constructor(private readonly factsOf: (messages: readonly string[]) => GatewayFacts) {}

  /** Where the handlers of a message are; undefined where there are none. */
  find(message: string): readonly Route[] | undefined {
    return this.routes.get(message);
  }

  /** The table of what is in this one and, behind that, the messages of one more gateway. */
  with(messages: readonly string[]): RouteTable {
    const known = this.extensions.find(
      extension =>
        extension.messages.length === messages.length &&
        extension.messages.every((message, at) => message === messages[at]),
    );
    if (known) return known.table;
    const table = new RouteTable(this.factsOf);
    for (const [message, routes] of this.routes) table.routes.set(message, routes);
    const { publicMessages, isSecure } = this.factsOf(messages);
    for (const [index, message] of messages.entries()) {
      const isPublic = publicMessages.has(message);
      const route = { at: this.size + index, isPublic, signsReply: isSecure };
      table.routes.set(message, [...(table.find(message) ?? []), route]);
    }
    table.size = this.size + messages.length;
    this.extensions.push({ messages, table });
    return table;
  }
}
