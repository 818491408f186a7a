import type { ConnectionServices } from '../../connection/guarded/index.js';
import { bindClient, bindConnection } from '../../connection/index.js';
import type { CatalogGateway } from '../../gateway/index.js';
import { contained, logUnexpected } from '../../monitoring/index.js';
import { describeRefusal } from '../../protocol/index.js';
import { IoChannel } from './io-channel.js';
import { IoDispatcher } from './io-dispatcher.js';
import type { IoTransport } from './io-transport.js';
import type { EngineConnection, IoNamespace, IoSocket } from './io-types.js';

/** The namespaces of the application, and their admitted sockets. */
export class Namespaces {
  private readonly guarded = new WeakSet<IoNamespace>();
  /** Namespaces and namespace patterns of gateways with a `@Public()` handler. */
  private readonly withPublic = new WeakSet<IoNamespace>();
  /** Namespaces and namespace patterns that belong to a gateway. */
  private readonly named = new WeakSet<IoNamespace>();
  /** Namespace patterns of gateways without a `@Public()` handler. */
  private readonly closedPatterns = new Set<RegExp>();
  private readonly dispatchers = new WeakMap<IoSocket, IoDispatcher>();

  constructor(
    private readonly services: ConnectionServices,
    private readonly transportOf: (conn: EngineConnection) => IoTransport | undefined,
  ) {}

  /** Records that a namespace has a gateway. */
  add(namespace: IoNamespace, gateway: CatalogGateway | undefined): void {
    this.named.add(namespace);
    if (gateway?.isPublic || gateway?.handlers.some(({ isPublic }) => isPublic))
      this.withPublic.add(namespace);
    else if (gateway?.namespace instanceof RegExp) this.closedPatterns.add(gateway.namespace);
  }

  dispatcherOf(socket: IoSocket): IoDispatcher | undefined {
    return this.dispatchers.get(socket);
  }

  /** Checks every client that enters a namespace by its `NamespaceAdmission`. */
  guard(namespace: IoNamespace): void {
    if (this.guarded.has(namespace)) return;
    this.guarded.add(namespace);
    // Each gateway of a namespace adds listeners to it and to its sockets. Ten or more are no leak.
    namespace.setMaxListeners(0);
    // Socket.IO copies this middleware to the namespaces that it creates from a pattern.
    namespace.use(
      contained(async (socket, next) => {
        const refusal = await this.enter(socket, namespace).catch((error: unknown) => {
          logUnexpected(this.services.logger, error);
          return refusalOf(describeRefusal('INTERNAL'));
        });
        // This runs the middleware of the application.
        next(refusal);
      }),
    );
    namespace.on(
      'connection',
      contained((socket: IoSocket) => {
        this.dispatchers.get(socket)?.channel.greet();
      }),
    );
  }

  /**
   * Returns whether a namespace has a `@Public()` handler. Gateways with exactly this namespace decide first, then the gateway
   * whose pattern created it. If the name also matches a pattern without public handlers, the result is false.
   */
  private hasPublic(origin: IoNamespace, namespace: IoNamespace): boolean {
    if (this.named.has(namespace)) return this.withPublic.has(namespace);
    const isClosed = (pattern: RegExp) => pattern.test(namespace.name);
    return this.withPublic.has(origin) && ![...this.closedPatterns].some(isClosed);
  }

  /** @returns the error for a refused socket; undefined if it may enter */
  private async enter(socket: IoSocket, namespace: IoNamespace): Promise<Error | undefined> {
    // The parent of this namespace has already checked the client.
    if (this.dispatchers.has(socket)) return undefined;
    const transport = this.transportOf(socket.conn);
    if (!transport) return refusalOf(describeRefusal('UNAVAILABLE'));
    const { client, connection, admission } = transport;
    const result = await admission.enter(socket, this.hasPublic(namespace, socket.nsp));
    if ('code' in result) return refusalOf(transport.describe(result.code, result.details));
    const channel = new IoChannel(transport, socket, result.welcome);
    this.dispatchers.set(socket, new IoDispatcher(connection, channel, socket));
    socket.setMaxListeners(0);
    bindClient(socket, client);
    bindConnection(socket, channel);
    return undefined;
  }
}

/** Returns the error by which Socket.IO refuses a namespace. */
function refusalOf(data: ReturnType<typeof describeRefusal>): Error {
  return Object.assign(new Error(data.message), { data });
}
