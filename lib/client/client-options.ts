import { SemanticEventsConfigError } from '../protocol/errors.js';
import { type ClientClock, MAX_DELAY, SYSTEM_CLOCK } from './clock.js';
import type { WebSocketConstructor } from './web-socket.js';

/**
 * Gives a token or ticket for one connection: it is called anew for every connection, and before a session
 * expires. What it throws is tried again with backoff; null says that there is none, and closes the client.
 */
export type GetToken = () => string | null | Promise<string | null>;

/** Times in milliseconds. */
export interface SemanticEventsClientOptions {
  /** The gateway: `wss://…`, `https://…`, or in a page relative to it, such as `/events`. */
  url: string | URL;
  getToken: GetToken;
  /** The WebSocket to use; Node has one from version 22 on, before that take the one of `ws`. @default the global one */
  WebSocket?: WebSocketConstructor;
  /** The `source` of the events sent. @default `user:` and the id of the authenticated user */
  source?: string;
  /** How long a request may take from the call to the reply, unless it says otherwise. @default 10_000 */
  requestTimeout?: number;
  /** How long connecting may take: token, socket and authentication. @default 10_000 */
  connectTimeout?: number;
  /** How often the server is pinged; 0 for never. @default 25_000 */
  pingInterval?: number;
  /** How long the server may then stay silent before the connection counts as lost. @default 10_000 */
  pongTimeout?: number;
  /** Up to how long to wait before the first attempt to reconnect; doubled for each further one. @default 1_000 */
  backoff?: number;
  /** Up to how long to wait between attempts at most. @default 30_000 */
  maxBackoff?: number;
  /** How many tokens in a row may be refused before the client gives up. @default 3 */
  maxAuthFailures?: number;
  /**
   * How many events may wait to be sent, how many requests for their reply, and how many events in one `events()`
   * iteration; more are refused with `QUEUE_FULL`. @default 1_000
   */
  maxQueued?: number;
  /** Events remembered so that none is handled twice. @default 1_000 */
  maxRemembered?: number;
  /** The largest frame sent, in bytes; larger events are refused with `MESSAGE_TOO_LARGE`. @default 65_536 */
  maxMessageSize?: number;
  /** For tests. @default the system's */
  clock?: ClientClock;
  /** For tests: numbers from 0 to 1. @default Math.random */
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

type Numbers = typeof CLIENT_DEFAULTS;

export interface ResolvedClientOptions extends Numbers {
  readonly url: string;
  readonly getToken: GetToken;
  readonly WebSocket: WebSocketConstructor;
  readonly source: string | undefined;
  readonly clock: ClientClock;
  readonly random: () => number;
}

/** What not every environment has. */
const globals = globalThis as {
  WebSocket?: WebSocketConstructor;
  location?: { href: string };
  crypto?: { subtle?: object };
};

/** @throws SemanticEventsConfigError naming every problem */
export function resolveClientOptions(given: SemanticEventsClientOptions): ResolvedClientOptions {
  const options: Record<string, unknown> = {
    url: undefined,
    getToken: undefined,
    source: undefined,
    WebSocket: globals.WebSocket,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    ...CLIENT_DEFAULTS,
  };
  const problems: string[] = [];
  const check = (isRight: unknown, problem: string) => {
    if (!isRight) problems.push(problem);
  };
  for (const [name, value] of Object.entries(given)) {
    check(name in options, `${name} is not an option`);
    if (value !== undefined) options[name] = value;
  }
  for (const name of Object.keys(CLIENT_DEFAULTS))
    check(
      isCount(options[name]) || (name === 'pingInterval' && options[name] === 0),
      `${name} must be a whole number above 0`,
    );
  for (const name of ['getToken', 'WebSocket', 'random'])
    check(typeof options[name] === 'function', `${name} must be a function`);
  check((options.url = socketUrl(given.url)), 'url must be the address of a WebSocket');
  // Browsers have it in secure contexts only.
  check(globals.crypto?.subtle, 'WebCrypto is missing: use https');
  if (problems.length > 0) throw new SemanticEventsConfigError(problems);
  return options as unknown as ResolvedClientOptions;
}

/** Whether a number can be the one of a timer or a bound. */
export function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_DELAY;
}

function socketUrl(given: unknown): string | undefined {
  try {
    const url = new URL(String(given), globals.location?.href);
    url.protocol = url.protocol.replace('http', 'ws');
    return /^wss?:$/.test(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}
