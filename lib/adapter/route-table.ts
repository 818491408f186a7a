/** Where a handler is found among those of a connection. */
export interface Route {
  readonly at: number;
  readonly isPublic: boolean;
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

  /** @param publicAmong which messages of one gateway may be handled without authentication */
  constructor(private readonly publicAmong: (messages: readonly string[]) => ReadonlySet<string>) {}

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
    const table = new RouteTable(this.publicAmong);
    for (const [message, routes] of this.routes) table.routes.set(message, routes);
    const publicMessages = this.publicAmong(messages);
    for (const [index, message] of messages.entries()) {
      const route = { at: this.size + index, isPublic: publicMessages.has(message) };
      table.routes.set(message, [...(table.find(message) ?? []), route]);
    }
    table.size = this.size + messages.length;
    this.extensions.push({ messages, table });
    return table;
  }
}
