import type { CatalogGateway } from './gateway-catalog.js';
import type { GatewayFacts } from './route-table.js';

type Callback = (...args: never[]) => void;

/**
 * Finds the gateway of a Nest callback, because Nest passes bare callbacks to an adapter. Nest calls `afterInit` of a gateway,
 * and then `bindClientConnect` with the callback of that gateway. The callback calls `bindMessageHandlers` for each socket.
 */
export class GatewayBinder {
  /** The gateway that Nest initialized last, until its callback is bound. */
  private initialized: CatalogGateway | undefined;
  /** The gateway of the running callback. */
  private running: CatalogGateway | undefined;
  private readonly known = new WeakMap<CatalogGateway, GatewayFacts>();
  private readonly unknown = new Map<string, GatewayFacts>();

  /** Records each gateway that Nest initializes from now on. */
  watch(gateways: readonly CatalogGateway[]): void {
    for (const gateway of gateways) {
      const instance = gateway.wrapper.instance as { afterInit?: Callback } | undefined;
      if (!instance) continue;
      const { afterInit } = instance;
      const note = (...args: never[]) => {
        this.initialized = gateway;
        return afterInit?.apply(instance, args);
      };
      Reflect.defineProperty(instance, 'afterInit', {
        value: note,
        configurable: true,
        writable: true,
      });
    }
  }

  /** Returns the gateway whose callback Nest binds now, if it is known. Call this once for each callback. */
  bound(): CatalogGateway | undefined {
    const gateway = this.initialized;
    this.initialized = undefined;
    return gateway;
  }

  /** Wraps a callback of a gateway, so that `factsOf` knows the gateway while it runs. */
  within<A extends unknown[]>(
    gateway: CatalogGateway | undefined,
    callback: (...args: A) => void,
  ): (...args: A) => void {
    return (...args) => {
      const { running } = this;
      this.running = gateway;
      try {
        callback(...args);
      } finally {
        this.running = running;
      }
    };
  }

  /** Whether the gateway of the running callback may have `handleDisconnect`. */
  get mayHaveDisconnectHook(): boolean {
    if (!this.running) return true;
    const instance = this.running.wrapper.instance as { handleDisconnect?: Callback } | undefined;
    return instance?.handleDisconnect !== undefined;
  }

  /** Returns facts about the handlers that Nest binds now. No handler of an unknown gateway is public. */
  factsOf(messages: readonly string[]): GatewayFacts {
    const gateway = this.running;
    const isSame =
      gateway?.handlers.length === messages.length &&
      gateway.handlers.every(({ message }, at) => message === messages[at]);
    if (!gateway || !isSame) return this.factsOfUnknown(messages);
    let facts = this.known.get(gateway);
    if (!facts) {
      const isPublic = gateway.handlers.map(handler => handler.isPublic);
      this.known.set(gateway, (facts = { messages, isPublic, isSecure: gateway.isSecure }));
    }
    return facts;
  }

  /**
   * Returns the facts of an unknown gateway. They are the same object for the same messages, so that connections share a table.
   */
  private factsOfUnknown(messages: readonly string[]): GatewayFacts {
    const key = JSON.stringify(messages);
    let facts = this.unknown.get(key);
    if (!facts) {
      const isPublic = messages.map(() => false);
      this.unknown.set(key, (facts = { messages, isPublic, isSecure: true }));
    }
    return facts;
  }
}
