import { Inject, Injectable } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { PUBLIC } from '../auth/index.js';
import {
  GATEWAY_METADATA,
  GATEWAY_OPTIONS,
  type GatewayClass,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PORT_METADATA,
} from '../handler/index.js';
import {
  checkOrigins,
  type GatewayConnectionOptions,
  Problems,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { normalizeOrigin } from '../protocol/index.js';
import type { GatewayFacts } from './route-table.js';
import { isSecureGateway } from './stock-adapter-replies.interceptor.js';

/** Where a gateway listens; gateways with the same endpoint share their sockets. */
export interface Endpoint {
  /** 0 stands for the port of the HTTP server. */
  readonly port: number;
  readonly path: string;
  /** Of Socket.IO, as the gateway has it; where it is left out of a question, all of them are meant. */
  readonly namespace?: unknown;
}

export interface CatalogHandler {
  /** The name of the method. */
  readonly method: string;
  readonly message: string;
  readonly isPublic: boolean;
}

export interface CatalogGateway {
  readonly metatype: GatewayClass;
  /** None of a gateway that is made for each message. */
  readonly instance?: object;
  readonly endpoint: Endpoint;
  readonly isPublic: boolean;
  /** Whether it is a `@SecureGateway()`. */
  readonly isSecure: boolean;
  readonly connection: Partial<GatewayConnectionOptions>;
  readonly handlers: readonly CatalogHandler[];
}

type GatewayOptions = Partial<GatewayConnectionOptions> & { path?: string; namespace?: unknown };

/**
 * Knows the gateways of the application and which of their handlers are `@Public()`. Nest gives an adapter
 * bare callbacks; this finds the gateway they belong to by where it listens and what it listens to. Where two
 * gateways cannot be told apart, a handler is public only if it is in both.
 */
@Injectable()
export class GatewayCatalog {
  private gateways: readonly CatalogGateway[] | undefined;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly modules: ModulesContainer,
    private readonly reflector: Reflector,
  ) {}

  /** What is known of one gateway of an endpoint, told by its messages. */
  factsOf(endpoint: Endpoint, messages: readonly string[]): GatewayFacts {
    const candidates = this.at(endpoint).filter(
      ({ handlers }) =>
        handlers.length === messages.length &&
        handlers.every(({ message }) => messages.includes(message)),
    );
    const isPublic = (message: string) =>
      candidates.length > 0 &&
      candidates.every(({ handlers }) =>
        handlers.every(handler => handler.message !== message || handler.isPublic),
      );
    return {
      publicMessages: new Set(messages.filter(isPublic)),
      isSecure: candidates.some(({ isSecure }) => isSecure),
    };
  }

  /** Whether a client may stay at an endpoint without ever authenticating. */
  isOpen(endpoint: Endpoint): boolean {
    return this.at(endpoint).some(({ isPublic }) => isPublic);
  }

  /** Whether anything at an endpoint may be handled without authentication. */
  hasPublic(endpoint: Endpoint): boolean {
    return this.at(endpoint).some(
      ({ isPublic, handlers }) => isPublic || handlers.some(handler => handler.isPublic),
    );
  }

  /**
   * The options of the connections of an endpoint: the module's, but for what its gateways set themselves.
   *
   * @throws SemanticEventsConfigError when they are wrong, or two gateways of one endpoint disagree
   */
  connectionOptionsAt(endpoint: Endpoint): GatewayConnectionOptions {
    const problems = new Problems(process.env.NODE_ENV === 'production');
    const path = `@WebSocketGateway ${endpoint.path}:`;
    const given = this.at(endpoint).map(({ connection }) => connection);
    const origins = onlyOne(given, 'origins');
    const maxMessageSize = onlyOne(given, 'maxMessageSize');
    if (origins === DISAGREE)
      problems.add(`${path} origins`, 'differ between gateways that share it');
    else checkOrigins(`${path} origins`, origins, problems);
    if (maxMessageSize === DISAGREE)
      problems.add(`${path} maxMessageSize`, 'differs between gateways that share it');
    else problems.integer(`${path} maxMessageSize`, maxMessageSize, { min: 1 });
    problems.throwIfAny();
    const { connection } = this.options;
    return {
      origins: ((origins as string[] | undefined) ?? connection.origins).map(
        origin => normalizeOrigin(origin) ?? origin,
      ),
      maxMessageSize: (maxMessageSize as number | undefined) ?? connection.maxMessageSize,
    };
  }

  /** Every gateway of the application. */
  list(): readonly CatalogGateway[] {
    this.gateways ??= this.scan();
    return this.gateways;
  }

  /** Every message that any gateway handles. */
  messages(): string[] {
    return this.list().flatMap(({ handlers }) => handlers.map(({ message }) => message));
  }

  private at({ port, path, namespace }: Endpoint): CatalogGateway[] {
    const found = this.list().filter(
      ({ endpoint }) => endpoint.port === port && endpoint.path === path,
    );
    if (typeof namespace !== 'string') return found;
    // As Socket.IO does it: patterns are asked only about names that nobody has.
    const named = found.filter(({ endpoint }) => isNamed(namespace, endpoint.namespace));
    return named.length > 0
      ? named
      : found.filter(({ endpoint }) => isAmong(namespace, endpoint.namespace));
  }

  private scan(): CatalogGateway[] {
    const providers = [...this.modules.values()].flatMap(module => [...module.providers.values()]);
    return providers
      .filter(({ metatype }) => typeof metatype === 'function')
      .filter(({ metatype }) => Reflect.hasMetadata(GATEWAY_METADATA, metatype as GatewayClass))
      .map(wrapper =>
        this.describe(
          wrapper.metatype as GatewayClass,
          wrapper.isDependencyTreeStatic() ? (wrapper.instance as object) : undefined,
        ),
      );
  }

  private describe(metatype: GatewayClass, instance?: object): CatalogGateway {
    const options = (Reflect.getMetadata(GATEWAY_OPTIONS, metatype) ?? {}) as GatewayOptions;
    const prototype = metatype.prototype as Record<string, object>;
    const handlers = new MetadataScanner()
      .getAllMethodNames(prototype)
      .map(name => [name, prototype[name] as () => unknown] as const)
      .filter(([, method]) => Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, method))
      .map(([name, method]) => ({
        method: name,
        message: Reflect.getMetadata(MESSAGE_METADATA, method) as string,
        isPublic:
          this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [method, metatype]) ??
          false,
      }));
    return {
      metatype,
      instance,
      endpoint: {
        port: (Reflect.getMetadata(PORT_METADATA, metatype) as number | undefined) ?? 0,
        path: normalizePath(options.path),
        namespace: options.namespace,
      },
      isPublic: this.reflector.get<boolean | undefined>(PUBLIC, metatype) ?? false,
      isSecure: isSecureGateway(metatype),
      connection: { origins: options.origins, maxMessageSize: options.maxMessageSize },
      handlers,
    };
  }
}

const DISAGREE = Symbol('DISAGREE');

/** What the gateways of one endpoint say of an option: undefined where none says anything. */
function onlyOne<K extends keyof GatewayConnectionOptions>(
  given: readonly Partial<GatewayConnectionOptions>[],
  name: K,
): GatewayConnectionOptions[K] | undefined | typeof DISAGREE {
  const values = given.map(options => options[name]).filter(value => value !== undefined);
  const isSame = values.every(value => JSON.stringify(value) === JSON.stringify(values[0]));
  return isSame ? values[0] : DISAGREE;
}

/** A path as Nest's WsAdapter compares it: with a slash before and none behind. A peer may have named it, at any length. */
export function normalizePath(path = ''): string {
  return `/${path.replace(/^\/+|(?<!\/)\/+$/g, '')}`;
}

/** Whether a gateway has a namespace by its name. */
function isNamed(name: string, namespace: unknown): boolean {
  if (namespace instanceof RegExp || typeof namespace === 'function') return false;
  return normalizePath(name) === normalizePath(namespace as string | undefined);
}

/** Whether a namespace is one of those that a gateway serves by a pattern. What a function decides, it cannot be asked here. */
function isAmong(name: string, namespace: unknown): boolean {
  return namespace instanceof RegExp ? namespace.test(name) : typeof namespace === 'function';
}
