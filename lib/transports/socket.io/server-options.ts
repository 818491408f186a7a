import type { Endpoint } from '../../gateway/index.js';
import type { ConnectionOptions } from '../../options/index.js';
import { SemanticEventsConfigError } from '../../protocol/index.js';
import type { IoOptions } from './io-types.js';

const DEFAULT_PATH = '/socket.io';

/** The time that a connection has to end by itself before Socket.IO closes it without a code, in milliseconds. */
const GRACE = 1_000;

type Given = Partial<IoOptions> | undefined;

/** Server options that a gateway must not set, with the reason. */
const REFUSED: Record<string, string> = {
  connectionStateRecovery: 'restores missed messages before the client authenticates again',
  allowEIO3: 'admits clients that cannot send a token when they connect',
  maxHttpBufferSize: 'is replaced by maxMessageSize',
  perMessageDeflate: 'is replaced by connection.perMessageDeflate of SemanticEventsModule',
  httpCompression:
    'compresses polling responses without a limit, and their size can reveal secrets',
};

/** @throws SemanticEventsConfigError naming every option that cannot be made safe */
export function assertServerOptions(path: string, given: Given): void {
  const problems = Object.entries(REFUSED)
    .filter(([name]) => given?.[name as keyof IoOptions])
    .map(([name, why]) => `@WebSocketGateway ${path}: ${name} ${why}`);
  if (given?.transports?.includes('webtransport'))
    problems.push(
      `@WebSocketGateway ${path}: transports must not include webtransport, which is not protected`,
    );
  if (problems.length > 0) throw new SemanticEventsConfigError(problems);
}

/**
 * Rejects a namespace pattern whose flags make `test` remember where it stopped. Every second client would be in the namespaces of
 * another pattern, which may be public.
 *
 * @throws SemanticEventsConfigError
 */
export function assertNamespace(path: string, namespace: unknown): void {
  if (namespace instanceof RegExp && (namespace.global || namespace.sticky))
    throw new SemanticEventsConfigError([
      `@WebSocketGateway ${path}: namespace ${String(namespace)} must not have the flags g and y: RegExp.test() then skips names`,
    ]);
}

/** Returns the path of an endpoint for clients. */
export function pathOf({ path }: Endpoint): string {
  return path === '/' ? DEFAULT_PATH : path;
}

/** Returns the beginning of the paths that the engine of an endpoint handles, as Engine.IO computes it. */
export function enginePathOf(endpoint: Endpoint, given: Given): string {
  return given?.addTrailingSlash === false ? pathOf(endpoint) : `${pathOf(endpoint)}/`;
}

/** Returns the options of a Socket.IO server. Defaults come from the connection options. */
export function serverOptions(
  given: Given,
  { heartbeatInterval }: ConnectionOptions,
  { authTimeout, maxMessageSize }: { authTimeout: number; maxMessageSize: number },
): Partial<IoOptions> {
  return {
    transports: ['websocket'],
    serveClient: false,
    pingInterval: heartbeatInterval,
    pingTimeout: heartbeatInterval,
    // The connection ends at `authTimeout` by itself, with a code. This is for clients that enter no namespace.
    connectTimeout: authTimeout + GRACE,
    upgradeTimeout: authTimeout,
    // Clients choose the names that match a pattern, so those without a client must not stay in memory.
    cleanupEmptyChildNamespaces: true,
    ...given,
    maxHttpBufferSize: maxMessageSize,
    perMessageDeflate: false,
    httpCompression: false,
  };
}
