import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { SemanticEventsConfigError } from '../protocol/index.js';
import type { EventHandler } from './event-listener.js';
import { EventMesh } from './event-mesh.js';
import { handlersOf } from './on-semantic-event.decorator.js';

type Methods = Record<string, EventHandler>;

/** Finds the `@OnSemanticEvent` methods of all providers and controllers, and subscribes them. */
@Injectable()
export class HandlerExplorer implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly mesh: EventMesh,
  ) {}

  /** @throws SemanticEventsConfigError naming every handler in a request-scoped or transient provider */
  onApplicationBootstrap(): void {
    const scoped: string[] = [];
    const seen = new Set<unknown>();
    const scanner = new MetadataScanner();
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      // A request-scoped provider has no constructed instance.
      const isSingle = wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
      const instance = isSingle ? (wrapper.instance as unknown) : undefined;
      const prototype = isSingle
        ? prototypeOf(instance)
        : (wrapper.metatype?.prototype as Methods | undefined);
      if (!prototype || seen.has(instance ?? prototype)) continue;
      seen.add(instance ?? prototype);
      for (const method of scanner.getAllMethodNames(prototype)) {
        const name = `${prototype.constructor.name}.${method}`;
        const declarations = handlersOf(prototype[method] as object);
        if (!isSingle && declarations.length > 0) scoped.push(name);
        else
          for (const { patterns, options } of declarations)
            this.mesh.subscribe(patterns, (...args) => (instance as Methods)[method]?.(...args), {
              ...options,
              name,
            });
      }
    }
    if (scoped.length > 0)
      throw new SemanticEventsConfigError(
        scoped.map(name => `${name}: @OnSemanticEvent needs a provider of the default scope`),
      );
  }
}

/** Returns the prototype of an instance. Nest does not know the class of a factory's or value provider's instance. */
function prototypeOf(instance: unknown): Methods | undefined {
  if (typeof instance !== 'object' || instance === null) return undefined;
  return Object.getPrototypeOf(instance) as Methods | undefined;
}
