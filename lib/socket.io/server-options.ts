import type { Endpoint } from '../adapter/index.js';
import type { ConnectionOptions } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import type { IoOptions } from './io-types.js';

const DEFAULT_PATH = '/socket.io';

type Given = Partial<IoOptions> | undefined;

/** What a gateway may not ask for, and why. */
const REFUSED: Record<string, string> = {
  connectionStateRecovery: 'brings back what a client was sent before it has authenticated again',
  allowEIO3: 'lets in clients that cannot send a token when they connect',
  maxHttpBufferSize: 'is set by maxMessageSize',
  perMessageDeflate: 'lets a small message grow large',
  httpCompression: 'lets a small message grow large',
};

/** @throws SemanticEventsConfigError naming every option that cannot be made safe */
export function assertServerOptions(path: string, given: Given): void {
  const problems = Object.entries(REFUSED)
    .filter(([name]) => given?.[name as keyof IoOptions])
    .map(([name, why]) => `@WebSocketGateway ${path}: ${name} ${why}`);
  if (given?.transports?.includes('webtransport'))
    problems.push(
      `@WebSocketGateway ${path}: transports may not name webtransport, which is not guarded`,
    );
  if (problems.length > 0) throw new SemanticEventsConfigError(problems);
}

/** Where clients find an endpoint. */
export function pathOf({ path }: Endpoint): string {
  return path === '/' ? DEFAULT_PATH : path;
}

/** The options of a server: what is not given is set by those of the connections. */
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
    connectTimeout: authTimeout,
    upgradeTimeout: authTimeout,
    ...given,
    maxHttpBufferSize: maxMessageSize,
    perMessageDeflate: false,
    httpCompression: false,
  };
}
