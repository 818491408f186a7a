import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { SemanticEventsConfigError } from '../protocol/index.js';
import type { EventHandler } from './event-listener.js';
import { EventMesh } from './event-mesh.js';
import { handlersOf } from './on-semantic-event.decorator.js';

type Methods = Record<string, EventHandler>;

/** Finds the methods of all providers and controllers that are `@OnSemanticEvent`, and subscribes them. */
@Injectable()
export class HandlerExplorer implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly mesh: EventMesh,
  ) {}

  /** @throws SemanticEventsConfigError naming every handler of a provider that is made anew for each request */
  onApplicationBootstrap(): void {
    const scoped: string[] = [];
    const seen = new Set<unknown>();
    const scanner = new MetadataScanner();
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      // Of what is made anew for each use there is no instance that has been constructed.
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

/** Factories and values bring instances of classes that Nest does not know. */
function prototypeOf(instance: unknown): Methods | undefined {
  if (typeof instance !== 'object' || instance === null) return undefined;
  return Object.getPrototypeOf(instance) as Methods | undefined;
}
