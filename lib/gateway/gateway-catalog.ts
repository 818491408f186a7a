import { Inject, Injectable } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { isPublicGateway, isPublicHandler } from '../auth/index.js';
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
  isProduction,
  Problems,
  type ResolvedOptions,
  SEMANTIC_EVENTS_OPTIONS,
} from '../options/index.js';
import { normalizeOrigin } from '../protocol/index.js';
import { isSecureGateway } from './stock-adapter-replies.interceptor.js';

/** The port and path of a gateway. Gateways with the same endpoint share their sockets. */
export interface Endpoint {
  /** The port. 0 means the port of the HTTP server. */
  readonly port: number;
  readonly path: string;
}

export interface CatalogHandler {
  /** The name of the method. */
  readonly method: string;
  readonly message: string;
  readonly isPublic: boolean;
}

export interface CatalogGateway {
  readonly metatype: GatewayClass;
  /** Nest's wrapper of the gateway: one instance, or one for each connection. */
  readonly wrapper: InstanceWrapper;
  readonly endpoint: Endpoint;
  /** The namespace of Socket.IO: a name, a RegExp or a function. */
  readonly namespace: unknown;
  readonly isPublic: boolean;
  /** Whether the gateway has `@SecureGateway()`. */
  readonly isSecure: boolean;
  readonly connection: Partial<GatewayConnectionOptions>;
  readonly handlers: readonly CatalogHandler[];
}

type GatewayOptions = Partial<GatewayConnectionOptions> & { path?: string; namespace?: unknown };

/** The gateways of the application, and their `@Public()` handlers. */
@Injectable()
export class GatewayCatalog {
  private gateways: readonly CatalogGateway[] | undefined;

  constructor(
    @Inject(SEMANTIC_EVENTS_OPTIONS) private readonly options: ResolvedOptions,
    private readonly modules: ModulesContainer,
  ) {}

  /** Returns whether a client may stay connected to an endpoint without authentication. */
  isOpen(endpoint: Endpoint): boolean {
    return this.at(endpoint).some(({ isPublic }) => isPublic);
  }

  /** Returns whether any handler at an endpoint is `@Public()`. It affects a budget, never a permission. */
  hasPublic(endpoint: Endpoint): boolean {
    return this.at(endpoint).some(
      ({ isPublic, handlers }) => isPublic || handlers.some(handler => handler.isPublic),
    );
  }

  /**
   * Returns the connection options of an endpoint. Options of its gateways override those of the module.
   *
   * @throws SemanticEventsConfigError if an option is invalid, or two gateways of one endpoint set different values
   */
  connectionOptionsAt(endpoint: Endpoint): GatewayConnectionOptions {
    const problems = new Problems(isProduction());
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

  /** Returns every gateway of the application. */
  list(): readonly CatalogGateway[] {
    this.gateways ??= this.scan();
    return this.gateways;
  }

  /** Returns every message that has a handler. */
  messages(): string[] {
    return this.list().flatMap(({ handlers }) => handlers.map(({ message }) => message));
  }

  private at({ port, path }: Endpoint): CatalogGateway[] {
    return this.list().filter(({ endpoint }) => endpoint.port === port && endpoint.path === path);
  }

  private scan(): CatalogGateway[] {
    const providers = [...this.modules.values()].flatMap(module => [...module.providers.values()]);
    return providers
      .filter(({ metatype }) => typeof metatype === 'function')
      .filter(({ metatype }) => Reflect.hasMetadata(GATEWAY_METADATA, metatype as GatewayClass))
      .map(wrapper => this.describe(wrapper));
  }

  private describe(wrapper: InstanceWrapper): CatalogGateway {
    const metatype = wrapper.metatype as GatewayClass;
    const options = (Reflect.getMetadata(GATEWAY_OPTIONS, metatype) ?? {}) as GatewayOptions;
    const prototype = metatype.prototype as Record<string, object>;
    const handlers = new MetadataScanner()
      .getAllMethodNames(prototype)
      .map(name => [name, prototype[name] as () => unknown] as const)
      .filter(([, method]) => Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, method))
      .map(([name, method]) => ({
        method: name,
        message: Reflect.getMetadata(MESSAGE_METADATA, method) as string,
        isPublic: isPublicHandler(metatype, method),
      }));
    return {
      metatype,
      wrapper,
      endpoint: {
        port: (Reflect.getMetadata(PORT_METADATA, metatype) as number | undefined) ?? 0,
        path: normalizePath(options.path),
      },
      namespace: options.namespace,
      isPublic: isPublicGateway(metatype),
      isSecure: isSecureGateway(metatype),
      connection: { origins: options.origins, maxMessageSize: options.maxMessageSize },
      handlers,
    };
  }
}

const DISAGREE = Symbol('DISAGREE');

/** Returns the value of an option that the gateways of one endpoint set; undefined if none sets it. */
function onlyOne<K extends keyof GatewayConnectionOptions>(
  given: readonly Partial<GatewayConnectionOptions>[],
  name: K,
): GatewayConnectionOptions[K] | undefined | typeof DISAGREE {
  const values = given.map(options => options[name]).filter(value => value !== undefined);
  const isSame = values.every(value => JSON.stringify(value) === JSON.stringify(values[0]));
  return isSame ? values[0] : DISAGREE;
}

/** Normalizes a path like Nest's WsAdapter: one slash at the start, none at the end. The text may come from a client. */
export function normalizePath(path = ''): string {
  return `/${path.replace(/^\/+|(?<!\/)\/+$/g, '')}`;
}
