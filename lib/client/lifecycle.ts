import { SemanticEventsClientError } from './client-error.js';
import type { ClientState, StateChange } from './client-events.js';
import type { ResolvedClientOptions } from './client-options.js';
import {
  type ClientSession,
  type Connection,
  type ConnectionOutlet,
  openConnection,
} from './connection.js';
import { deferred } from './deferred.js';

/** How the codes begin that say the token was not good enough. */
const AUTH_FAILURE = /^(AUTH_FAILED|UNAUTH|SESSION_)/;

/** Whom the lifecycle of a client tells, beside what its connections tell. */
export interface LifecycleOutlet extends Pick<ConnectionOutlet, 'received' | 'told' | 'failed'> {
  changed(change: StateChange): void;
  opened(connection: Connection): void;
  lost(error: SemanticEventsClientError): void;
  closed(error: SemanticEventsClientError): void;
}

/** One connection after the other, until one ends in a way that would repeat itself, or `close` is called. */
export function lifecycle(options: ResolvedClientOptions, outlet: LifecycleOutlet) {
  const { clock, random, maxAuthFailures } = options;
  let state: ClientState = 'idle';
  let connection: Connection | undefined;
  let opened = deferred<ClientSession>();
  let attempts = 0;
  let authFailures = 0;
  let cancelTimer: (() => void) | undefined;

  const enter = (change: StateChange) => {
    state = change.state;
    outlet.changed(change);
  };

  const open = () => {
    const opening = openConnection(options, {
      ...outlet,
      authenticated: session => {
        connected(opening, session);
      },
      ended: lost,
    });
    cancelTimer?.();
    connection = opening;
    enter({ state: 'connecting' });
  };

  const connected = (on: Connection, session: ClientSession) => {
    // Renewed.
    if (state === 'connected') return;
    authFailures = 0;
    // A connection that is lost right away is no reason to hurry.
    cancelTimer = clock.after(backoffWindow(attempts, options), () => {
      attempts = 0;
    });
    opened.resolve(session);
    outlet.opened(on);
    enter({ state: 'connected' });
  };

  const lost = (reason: SemanticEventsClientError) => {
    if (!connection?.session() && AUTH_FAILURE.test(reason.code)) authFailures++;
    // A message that was too large is not sent again.
    const isFinal = !reason.retryable && reason.code !== 'MESSAGE_TOO_LARGE';
    // It may have been closed while what came before the loss was looked at.
    if (isFinal || authFailures >= maxAuthFailures || state === 'closed') {
      finish(reason);
      return;
    }
    const retryIn = (reason.retryAfter ?? 0) + random() * backoffWindow(attempts++, options);
    detach();
    cancelTimer = clock.after(retryIn, open);
    outlet.lost(new SemanticEventsClientError('CONNECTION_LOST', { cause: reason }));
    enter({ state: 'waiting', error: reason, retryIn });
    outlet.failed(reason);
  };

  const detach = () => {
    cancelTimer?.();
    if (connection?.session()) opened = deferred();
    connection = undefined;
  };

  const finish = (reason: SemanticEventsClientError) => {
    if (state === 'closed') return;
    const last = connection;
    detach();
    last?.end(reason);
    opened.reject(reason);
    outlet.closed(reason);
    enter({ state: 'closed', error: reason });
  };

  return {
    state: (): ClientState => state,
    session: (): ClientSession | undefined => connection?.session(),
    connect(): Promise<ClientSession> {
      if (state === 'idle' || state === 'waiting') open();
      return opened.promise;
    },
    close(): void {
      finish(new SemanticEventsClientError('CLOSED'));
    },
  };
}

/**
 * Up to how long to wait, in milliseconds; with full jitter, so that many clients that lost their server at once do
 * not come back at once.
 *
 * @param attempt how many attempts there were since a connection last held
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
function backoffWindow(
  attempt: number,
  { backoff, maxBackoff }: { backoff: number; maxBackoff: number },
): number {
  return Math.min(maxBackoff, backoff * 2 ** attempt);
}
