import { Injectable } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { PUBLIC } from '../auth/index.js';
import {
  GATEWAY_METADATA,
  GATEWAY_OPTIONS,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  PORT_METADATA,
} from '../handler/index.js';

/** Where a gateway listens; gateways with the same endpoint share their sockets. */
export interface Endpoint {
  /** 0 stands for the port of the HTTP server. */
  readonly port: number;
  readonly path: string;
}

interface CatalogHandler {
  readonly message: string;
  readonly isPublic: boolean;
}

interface CatalogGateway {
  readonly endpoint: Endpoint;
  readonly isPublic: boolean;
  readonly handlers: readonly CatalogHandler[];
}

type GatewayClass = abstract new (...args: never[]) => object;

/**
 * Knows the gateways of the application and which of their handlers are `@Public()`. Nest gives an adapter
 * bare callbacks; this finds the gateway they belong to by where it listens and what it listens to. Where two
 * gateways cannot be told apart, a handler is public only if it is in both.
 */
@Injectable()
export class GatewayCatalog {
  private gateways: readonly CatalogGateway[] | undefined;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly reflector: Reflector,
  ) {}

  /** The messages that may be handled without authentication, among those of one gateway. */
  publicMessages(endpoint: Endpoint, messages: readonly string[]): ReadonlySet<string> {
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
    return new Set(messages.filter(isPublic));
  }

  /** Whether a client may stay at an endpoint without ever authenticating. */
  isOpen(endpoint: Endpoint): boolean {
    return this.at(endpoint).some(({ isPublic }) => isPublic);
  }

  private at({ port, path }: Endpoint): CatalogGateway[] {
    this.gateways ??= this.scan();
    return this.gateways.filter(({ endpoint }) => endpoint.port === port && endpoint.path === path);
  }

  private scan(): CatalogGateway[] {
    const providers = [...this.modules.values()].flatMap(module => [...module.providers.values()]);
    return providers
      .map(({ metatype }) => metatype as GatewayClass | null)
      .filter(metatype => metatype !== null && typeof metatype === 'function')
      .filter(metatype => Reflect.hasMetadata(GATEWAY_METADATA, metatype))
      .map(metatype => this.describe(metatype));
  }

  private describe(metatype: GatewayClass): CatalogGateway {
    const options = Reflect.getMetadata(GATEWAY_OPTIONS, metatype) as { path?: string } | undefined;
    const prototype = metatype.prototype as Record<string, object>;
    const handlers = new MetadataScanner()
      .getAllMethodNames(prototype)
      .map(name => prototype[name] as () => unknown)
      .filter(method => Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, method))
      .map(method => ({
        message: Reflect.getMetadata(MESSAGE_METADATA, method) as string,
        isPublic:
          this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [method, metatype]) ??
          false,
      }));
    return {
      endpoint: {
        port: (Reflect.getMetadata(PORT_METADATA, metatype) as number | undefined) ?? 0,
        path: normalizePath(options?.path),
      },
      isPublic: this.reflector.get<boolean | undefined>(PUBLIC, metatype) ?? false,
      handlers,
    };
  }
}

/** A path as Nest's WsAdapter compares it: with a slash before and none behind. */
export function normalizePath(path = ''): string {
  return `/${path.replace(/^\/+|\/+$/g, '')}`;
}
