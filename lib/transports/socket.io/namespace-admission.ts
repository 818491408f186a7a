import type { Connection } from '../../connection/guarded/index.js';
import { contained } from '../../monitoring/index.js';
import type { AuthSuccess, Code, RefusalDetails } from '../../protocol/index.js';
import type { IoSocket } from './io-types.js';

/** The maximum number of namespaces that one client is in or waits for. */
const MAX_NAMESPACES = 16;

export interface Refusal {
  readonly code: Code;
  readonly details?: RefusalDetails;
}

/** The outcome of a request for a namespace: a refusal, or the confirmation for the admitted client. */
export type AdmissionResult = Refusal | { readonly welcome?: AuthSuccess };

/** Admits the sockets of one client to their namespaces. Each request may have a token. */
export class NamespaceAdmission {
  /** The sockets of the client, one for each of its namespaces. */
  readonly sockets: Set<IoSocket> = new Set();
  /** How many sockets wait to enter. */
  waiting = 0;

  private last: Promise<unknown> = Promise.resolve();
  /** Resolves the request of the socket whose token is being validated. */
  private settle: ((result: AdmissionResult) => void) | undefined;

  constructor(private readonly connection: Connection<string>) {}

  /**
   * Admits a socket to its namespace. Requests of one client run one after the other.
   *
   * @param hasPublic whether anything in the namespace may be handled without authentication
   */
  async enter(socket: IoSocket, hasPublic: boolean): Promise<AdmissionResult> {
    if (this.waiting + this.sockets.size >= MAX_NAMESPACES)
      return this.refused('RATE_LIMITED', {
        reason: `the client is in ${MAX_NAMESPACES} namespaces`,
      });
    this.waiting++;
    const entered = this.last.then(async () => this.admit(socket, hasPublic));
    const done = () => {
      this.waiting--;
    };
    this.last = entered.then(done, done);
    return entered;
  }

  /** Refuses the socket whose token is being validated: the connection ends. */
  reject(code: Code, details?: RefusalDetails): void {
    this.settle?.({ code, details });
  }

  private async admit(socket: IoSocket, hasPublic: boolean): Promise<AdmissionResult> {
    const { connection } = this;
    if (!connection.isReceiving || !connection.isOpen)
      return { code: connection.endedBy ?? 'SERVER_SHUTDOWN' };
    const { auth } = socket.handshake as { auth?: { token?: unknown } };
    let result: AdmissionResult = {};
    if (auth?.token !== undefined) result = await this.authenticate(auth.token);
    else if (connection.isAnonymous && !hasPublic)
      result = this.refused('UNAUTHENTICATED', { reason: 'auth has no token' });
    if (!('code' in result)) this.join(socket);
    return result;
  }

  /** Validates a token. A renewal costs the same as an `auth` frame. */
  private authenticate(token: unknown): Promise<AdmissionResult> | AdmissionResult {
    const { connection } = this;
    const units = connection.renewalUnits;
    const excess = units > 0 ? connection.excessOf(units) : undefined;
    if (excess) return this.refused('RATE_LIMITED', excess);
    return new Promise(resolve => {
      const settle = (result: AdmissionResult) => {
        this.settle = undefined;
        resolve(result);
      };
      this.settle = settle;
      connection.session.authenticate(typeof token === 'string' ? token : '', outcome => {
        if ('welcome' in outcome) {
          connection.authenticated(outcome.hasLostRole);
          settle(outcome);
          return;
        }
        const { code, retryAfter, reason } = outcome.refusal;
        if (outcome.isFinal) connection.end(code, { retryAfter, reason });
        else settle(this.refused(code, { retryAfter, reason }));
      });
    });
  }

  private join(socket: IoSocket): void {
    this.sockets.add(socket);
    socket.once(
      'disconnect',
      contained(() => {
        this.sockets.delete(socket);
      }),
    );
  }

  private refused(code: Code, details?: RefusalDetails): Refusal {
    this.connection.note(code, details?.reason);
    return { code, details };
  }
}
