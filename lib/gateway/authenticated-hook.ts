import { ContextIdFactory, type ModuleRef } from '@nestjs/core';
import type { Client } from '../connection/index.js';
import { isThenable, recovering } from '../maybe-promise.js';
import { contained } from '../monitoring/index.js';
import type { CatalogGateway } from './gateway-catalog.js';

/** A gateway hook that runs when a client has authenticated. Nest calls `handleConnection` before that. */
export interface OnGatewayAuthenticated<Socket = unknown> {
  /**
   * Runs when a connection has authenticated and `client.user` is known. A renewal does not call it again. Over Socket.IO it
   * runs for each namespace that the client enters. If it throws or rejects, the adapter logs the error and closes the connection
   * with `INTERNAL`. If the mesh is `UNAVAILABLE`, the adapter closes with that code, so that the client reconnects.
   * A subscription that resumes from a cursor waits for the promise that the hook returns, up to `auth.timeout`.
   */
  handleAuthenticated(client: Client, socket: Socket): unknown;
}

type Call = () => void;

/** Calls `handleAuthenticated` of the gateways of a connection. */
export class AuthenticatedHooks {
  /** The hooks of clients that have not authenticated yet, by the socket of the hook. */
  private readonly waiting = new WeakMap<Client, Map<object, Call[]>>();
  /** The asynchronous hooks of each client that have not ended yet. */
  private readonly running = new WeakMap<Client, Set<Promise<unknown>>>();

  /**
   * @param modules resolves the instance of a request-scoped gateway
   * @param failed called with the error of a hook, and the socket of its client
   */
  constructor(
    private readonly modules: ModuleRef,
    private readonly failed: (error: unknown, socket: object) => void,
  ) {}

  /** Calls the hook of a gateway for a socket: at once if the client has authenticated, otherwise when it does. */
  connected(gateway: CatalogGateway | undefined, client: Client, socket: object): void {
    if (!gateway || !mayHaveHook(gateway)) return;
    const call = () => {
      const call = recovering<unknown>(
        () => this.call(gateway, client, socket),
        error => {
          this.failed(error, socket);
        },
      );
      if (isThenable(call)) this.track(client, Promise.resolve(call));
    };
    if (client.user) {
      call();
      return;
    }
    const waiting = this.waiting.get(client) ?? new Map<object, Call[]>();
    this.waiting.set(client, waiting);
    const calls = waiting.get(socket);
    if (calls) calls.push(call);
    else waiting.set(socket, [call]);
  }

  /** Forgets the waiting hooks of a socket that has left. A client of Socket.IO may enter and leave a namespace many times. */
  left(client: Client, socket: object): void {
    this.waiting.get(client)?.delete(socket);
  }

  /** Calls the waiting hooks of a client. */
  authenticated(client: Client): void {
    const waiting = this.waiting.get(client);
    this.waiting.delete(client);
    for (const calls of waiting?.values() ?? []) for (const call of calls) call();
  }

  /** Returns a promise that resolves when the running hooks of a client have ended; undefined if none is running. */
  ended(client: Client): Promise<unknown> | undefined {
    const running = this.running.get(client);
    return running && Promise.all(running);
  }

  private track(client: Client, call: Promise<unknown>): void {
    const running = this.running.get(client) ?? new Set();
    this.running.set(client, running.add(call));
    const forget = contained(() => {
      running.delete(call);
      if (running.size === 0) this.running.delete(client);
    });
    call.then(forget, forget);
  }

  private call({ wrapper }: CatalogGateway, client: Client, socket: object): unknown {
    if (wrapper.isDependencyTreeStatic()) {
      const { handleAuthenticated } = wrapper.instance as Partial<OnGatewayAuthenticated>;
      return handleAuthenticated?.call(wrapper.instance, client, socket);
    }
    return this.callScoped(wrapper.token, client, socket);
  }

  /** Calls the hook of a request-scoped gateway, in the same instance as `handleConnection`. Nest creates one for each socket. */
  private async callScoped(
    token: CatalogGateway['wrapper']['token'],
    client: Client,
    socket: object,
  ): Promise<unknown> {
    const context = ContextIdFactory.getByRequest(socket);
    const gateway = await this.modules.resolve<Partial<OnGatewayAuthenticated>>(token, context, {
      strict: false,
    });
    return gateway.handleAuthenticated?.(client, socket);
  }
}

/** Returns whether a gateway may have the hook. An instance of a request-scoped gateway may define it as a field. */
function mayHaveHook({ wrapper }: CatalogGateway): boolean {
  const instance = wrapper.instance as Partial<OnGatewayAuthenticated>;
  return !wrapper.isDependencyTreeStatic() || instance.handleAuthenticated !== undefined;
}
