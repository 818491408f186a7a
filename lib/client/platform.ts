import type { WebSocketConstructor } from './web-socket.js';

/** An event target of a page or worker. */
interface PlatformEvents {
  addEventListener?(name: string, listener: () => void): void;
  removeEventListener?(name: string, listener: () => void): void;
}

/** The part of WebCrypto that the client uses. */
export interface SubtleCrypto {
  importKey(
    format: 'raw',
    key: Uint8Array,
    algorithm: string | { name: string; hash: string },
    extractable: boolean,
    usages: ('sign' | 'verify')[],
  ): Promise<unknown>;
  sign(algorithm: string, key: unknown, data: Uint8Array): Promise<ArrayBuffer>;
  verify(
    algorithm: string,
    key: unknown,
    signature: Uint8Array,
    data: Uint8Array,
  ): Promise<boolean>;
}

/** Globals that some environments lack, so each one is optional. */
interface Platform extends PlatformEvents {
  readonly WebSocket?: WebSocketConstructor;
  /** Browsers have `subtle` in secure contexts only. */
  readonly crypto?: {
    getRandomValues?(bytes: Uint8Array): unknown;
    readonly subtle?: SubtleCrypto;
  };
  readonly location?: { readonly href: string };
  readonly document?: PlatformEvents & { readonly visibilityState?: string };
}

/**
 * The global object. Its members are read when they are needed, never while a module loads or a client is
 * created.
 */
export const platform = globalThis as unknown as Platform;
