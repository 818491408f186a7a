import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService } from '@nestjs/core';
import {
  type CatalogGateway,
  GatewayCatalog,
  SemanticEventsExceptionFilter,
} from '../gateway/index.js';
import {
  EVERY_HANDLER,
  EXCEPTION_FILTERS_METADATA,
  type FoundMark,
  type GatewayClass,
  isGuarded,
  marksOf,
} from '../handler/index.js';
import { isInstance, SemanticEventsConfigError } from '../protocol/index.js';

/**
 * Finds decorators of this library that protect nothing: in classes that are no gateways, and on methods that another decorator
 * or a subclass has replaced.
 */
@Injectable()
export class PlacementCheck implements OnModuleInit {
  constructor(
    private readonly catalog: GatewayCatalog,
    private readonly discovery: DiscoveryService,
    private readonly config: ApplicationConfig,
  ) {}

  /** @throws SemanticEventsConfigError that lists every such decorator */
  onModuleInit(): void {
    const gateways = this.catalog.list();
    // The adapter replaces the class of a request-scoped gateway, so compare the wrappers.
    const known = new Set(gateways.map(({ wrapper }) => wrapper));
    const others = [...this.discovery.getProviders(), ...this.discovery.getControllers()]
      .filter(wrapper => !known.has(wrapper))
      .map(({ metatype }) => metatype as unknown)
      .filter(isClass);
    const problems = [
      ...gateways.flatMap(lostIn),
      ...others.flatMap(withoutEffect),
      ...this.globalFilter(),
    ];
    if (problems.length > 0) throw new SemanticEventsConfigError([...new Set(problems)]);
  }

  private globalFilter(): string[] {
    const scoped = this.config.getGlobalRequestFilters().map(({ metatype }) => metatype);
    const isGlobal =
      scoped.includes(SemanticEventsExceptionFilter) ||
      this.config.getGlobalFilters().some(one => isInstance(one, SemanticEventsExceptionFilter));
    return isGlobal
      ? [
          'SemanticEventsExceptionFilter is a global filter: it answers WebSocket clients only, so no failed HTTP request would be answered. Put @SecureGateway() or @UseFilters(SemanticEventsExceptionFilter) on the gateways instead',
        ]
      : [];
  }
}

/** Returns a sentence for each decorator of a gateway that the function Nest calls does not have. */
function lostIn({ metatype, handlers }: CatalogGateway): string[] {
  const prototype = metatype.prototype as Record<string, object>;
  const marks = marksOf(prototype);
  const forAll = marks.get(EVERY_HANDLER) ?? [];
  const names = new Set(handlers.map(({ method }) => method));
  const lost = [...names].flatMap(name => {
    const handler = prototype[name] as object;
    return [...(marks.get(name) ?? []), ...forAll]
      .filter(({ mark }) => !mark.isOn(handler))
      .flatMap(({ mark, owner }) => {
        const problem = `${metatype.name}.${name}: ${mark.name}`;
        if (isMethodOf(owner, name, handler))
          return `${problem} has no effect, because a decorator above it replaces the method. Put that decorator below those of nestjs-semantic-events`;
        if (mark.isReplacedOn(handler, metatype)) return [];
        return `${problem} of ${owner.constructor.name} does not apply to it. Repeat the decorator on this method`;
      });
  });
  const unused = [...marks].filter(
    ([name, [first]]) =>
      typeof name === 'string' &&
      !names.has(name) &&
      // A subclass may override a handler to remove it.
      first &&
      isMethodOf(first.owner, name, prototype[name]),
  );
  return [...lost, ...unused.map(([name, [first]]) => noHandler(metatype, name, first))];
}

/** Returns a sentence for each decorator in a class that is no gateway. */
function withoutEffect(type: GatewayClass): string[] {
  const filters = (Reflect.getMetadata(EXCEPTION_FILTERS_METADATA, type) ?? []) as unknown[];
  const marks = marksOf(type.prototype as object);
  const problems = [...marks]
    .filter(([name]) => name !== EVERY_HANDLER)
    .map(([name, [first]]) => noHandler(type, name, first));
  const isDecorated = isGuarded(type) || marks.has(EVERY_HANDLER);
  if (isDecorated || filters.includes(SemanticEventsExceptionFilter))
    problems.push(
      `${type.name}: the decorators of nestjs-semantic-events on this class protect gateways only. Remove them`,
    );
  return problems;
}

function noHandler(type: GatewayClass, name: string | symbol, found?: FoundMark): string {
  return `${type.name}.${String(name)}: ${found?.mark.name} protects only methods of a gateway with @SubscribeMessage(). Remove it`;
}

function isClass(type: unknown): type is GatewayClass {
  // A factory is often an arrow function, which has no prototype.
  return typeof type === 'function' && typeof type.prototype === 'object';
}

function isMethodOf(owner: object, name: string, method: object | undefined): boolean {
  return Object.getOwnPropertyDescriptor(owner, name)?.value === method;
}
