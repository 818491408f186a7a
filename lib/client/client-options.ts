import { type ClientCrypto, WebCrypto } from './client-crypto.js';
import { type ClientClock, MAX_DELAY, SYSTEM_CLOCK } from './clock.js';
import { platform } from './platform.js';
import { type WakeSource, watchPage } from './wake-source.js';
import type { WebSocketConstructor, WebSocketLike } from './web-socket.js';

const SUBPROTOCOL = 'semantic-events.v1';

/**
 * Returns a token or ticket for one connection. The client calls it for every connection, and before a session
 * expires.
 * If it throws, the client retries with backoff. If it returns null, the client closes with `NO_TOKEN`.
 */
export type GetToken = () => string | null | Promise<string | null>;

/** Options of a client. All times are in milliseconds. */
export interface SemanticEventsClientOptions {
  /**
   * The URL of the gateway: `wss://…`, `https://…`, or relative to the page, such as `/events`. Required
   * without `transport`.
   */
  url?: string | URL;
  getToken: GetToken;
  /**
   * The WebSocket class. Node has one since version 22; for older versions pass the one of `ws`.
   *
   * @default the global one
   */
  WebSocket?: WebSocketConstructor;
  /** Opens a connection by other means than a WebSocket to `url`, for example over Socket.IO. */
  transport?: () => WebSocketLike;
  /** The cryptography, for environments without WebCrypto. @default WebCrypto */
  crypto?: ClientCrypto;
  /**
   * Reports that the network may be back, where there is no page to watch.
   *
   * @default the events of the page or worker
   */
  wakeSource?: WakeSource;
  /** The `source` of the events sent. @default `user:` and the id of the authenticated user */
  source?: string;
  /** The time from a request to its reply, unless the request has its own `timeout`. @default 10_000 */
  requestTimeout?: number;
  /** The time for connecting: token, socket and authentication. @default 10_000 */
  connectTimeout?: number;
  /** The interval between two pings to the server; 0 turns them off. @default 25_000 */
  pingInterval?: number;
  /** The time the server has to answer a ping. After it the connection counts as lost. @default 10_000 */
  pongTimeout?: number;
  /** The maximum wait before the first attempt to reconnect. It doubles with each attempt. @default 1_000 */
  backoff?: number;
  /** The maximum wait between two attempts. @default 30_000 */
  maxBackoff?: number;
  /** The number of tokens in a row that the server may reject before the client closes. @default 3 */
  maxAuthFailures?: number;
  /**
   * The maximum number of events that wait to be sent, of requests that wait for a reply, and of events that
   * wait in one `events()` iteration. More fail with `QUEUE_FULL`. @default 1_000
   */
  maxQueued?: number;
  /** The number of events that the client remembers, so that it handles none twice. @default 1_000 */
  maxRemembered?: number;
  /**
   * The maximum size of a frame to send, in bytes. Larger events fail with `MESSAGE_TOO_LARGE`. @default 65_536
   */
  maxMessageSize?: number;
  /** The clock, for tests. @default the system clock */
  clock?: ClientClock;
  /** Returns a random number from 0 to 1, for tests. @default Math.random */
  random?: () => number;
}

export const CLIENT_DEFAULTS = {
  requestTimeout: 10_000,
  connectTimeout: 10_000,
  pingInterval: 25_000,
  pongTimeout: 10_000,
  backoff: 1_000,
  maxBackoff: 30_000,
  maxAuthFailures: 3,
  maxQueued: 1_000,
  maxRemembered: 1_000,
  maxMessageSize: 65_536,
};

/** The options with all defaults. */
export interface ResolvedClientOptions extends Readonly<typeof CLIENT_DEFAULTS> {
  readonly url: string | URL | undefined;
  readonly getToken: GetToken;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly transport: (() => WebSocketLike) | undefined;
  readonly crypto: ClientCrypto;
  readonly wakeSource: WakeSource;
  readonly source: string | undefined;
  readonly clock: ClientClock;
  readonly random: () => number;
}

/**
 * Copies the options and adds the defaults. It neither validates nor reads the environment, so a module that is
 * rendered on a server may create a client.
 */
export function resolveClientOptions(given: SemanticEventsClientOptions): ResolvedClientOptions {
  const options = {
    ...CLIENT_DEFAULTS,
    url: undefined,
    getToken: () => null,
    WebSocket: undefined,
    transport: undefined,
    crypto: new WebCrypto(),
    wakeSource: watchPage,
    source: undefined,
    clock: SYSTEM_CLOCK,
    random: Math.random,
  };
  for (const [name, value] of Object.entries(given) as [string, unknown][])
    // An undefined option means its default.
    if (value !== undefined) Object.assign(options, { [name]: value });
  return options;
}

/** Returns every problem with the options and everything that the environment lacks. */
export function problemsOf(given: SemanticEventsClientOptions): string[] {
  const known = resolveClientOptions({} as never);
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string) => {
    if (!isRight) problems.push(problem);
  };
  for (const [name, value] of Object.entries(given)) {
    check(name in known, `${name} is not an option`);
    if (name in CLIENT_DEFAULTS && value !== undefined && (value !== 0 || name !== 'pingInterval'))
      check(isCount(value), `${name} must be a whole number above 0`);
  }
  const { random, transport, url, wakeSource, WebSocket, ...objects } = resolveClientOptions(given);
  const clock = objects.clock as Partial<ClientClock> | null;
  const crypto = objects.crypto as Partial<ClientCrypto> | null;
  const functions = {
    getToken: given.getToken,
    random,
    wakeSource,
    'clock.now': clock?.now,
    'clock.after': clock?.after,
    'crypto.hmac': crypto?.hmac,
    'crypto.randomBytes': crypto?.randomBytes,
    WebSocket: transport ?? WebSocket ?? platform.WebSocket,
  };
  for (const [name, value] of Object.entries(functions))
    check(typeof value === 'function', `${name} must be a function`);
  check(!!transport || !!socketUrl(url), 'url must be the address of a WebSocket');
  check(
    !!(given.crypto ?? platform.crypto?.subtle),
    'crypto.subtle is missing: serve the page by https, or pass the option crypto',
  );
  return problems;
}

/** Opens a connection, by `transport` or by a WebSocket to `url`. */
export function openSocket({ transport, url, WebSocket }: ResolvedClientOptions): WebSocketLike {
  if (transport) return transport();
  const Socket = (WebSocket ?? platform.WebSocket) as WebSocketConstructor;
  return new Socket(socketUrl(url) ?? '', SUBPROTOCOL);
}

/** Returns whether a value is valid as a duration or a limit: a whole number from 1 to `MAX_DELAY`. */
export function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_DELAY;
}

/** Returns the absolute URL of a WebSocket; undefined for any other value. */
export function socketUrl(given: unknown): string | undefined {
  try {
    const text = String(given);
    const { href } = new URL(text, platform.location?.href);
    // Keep an absolute address: the URL class of React Native adds a slash, and the server compares paths exactly.
    const url = (/^[a-z]+:/.test(text) ? text : href).replace(/^http/, 'ws');
    return /^wss?:/.test(url) ? url : undefined;
  } catch {
    return undefined;
  }
}
