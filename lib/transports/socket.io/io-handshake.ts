import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ConnectionServices } from '../../connection/guarded/index.js';
import type { Endpoint } from '../../gateway/index.js';
import {
  type Admission,
  answerTo,
  type HandshakeRefusal,
  refuseUpgrade,
  requestedPath,
} from '../../handshake/index.js';
import { attempt, logUnexpected, thrown } from '../../monitoring/index.js';
import { RefusalError } from '../../protocol/index.js';
import type { EngineConnection, IoOptions } from './io-types.js';
import { PollingLifetime } from './polling-lifetime.js';
import { pathOf } from './server-options.js';

export type AllowRequest = NonNullable<IoOptions['allowRequest']>;

/** A request of Engine.IO. It has a response unless it is an upgrade. */
export type EngineRequest = IncomingMessage & { res?: ServerResponse; _query?: { sid?: string } };

/** Decides which requests may open an Engine.IO connection. */
export class IoHandshake {
  private readonly admissions = new WeakMap<IncomingMessage, Admission>();
  private readonly lifetimes = new WeakMap<IncomingMessage, PollingLifetime>();

  constructor(private readonly services: ConnectionServices) {}

  /** @param given the `allowRequest` of the gateway, called for admitted requests */
  allowing(
    origins: readonly string[],
    endpoint: Endpoint,
    given: AllowRequest | undefined,
  ): AllowRequest {
    const { handshakes, logger } = this.services;
    return (request: EngineRequest, answer) => {
      // Engine.IO compares the beginning of a path only. A proxy may see the whole as another path.
      if (!isAt(request, endpoint)) {
        this.refuse(request, { code: 'UNKNOWN_PATH' }, requestedPath(request));
        return;
      }
      const polling = request.res && new PollingLifetime(request.res);
      // If the request has ended, its place is free again: the session would not be counted.
      const proceed: typeof answer = (message, isAllowed) => {
        if (!polling?.destroyed) answer(message, isAllowed);
      };
      const decide = async () => {
        const result = await handshakes.admit(request, { origins }, polling);
        if (!('slot' in result)) {
          this.refuse(request, result, pathOf(endpoint));
          return;
        }
        this.admissions.set(request, result);
        if (polling) this.lifetimes.set(request, polling);
        if (given) given(request, proceed);
        else proceed(null, true);
      };
      attempt(() =>
        decide().catch((error: unknown) => {
          if (!RefusalError.is(error)) logUnexpected(logger, error);
          const reason = RefusalError.is(error) ? error.reason : thrown(error);
          this.refuse(request, { code: 'SERVER_FULL', reason }, pathOf(endpoint));
        }),
      );
    };
  }

  /** Returns the admission of a connection; undefined for one that was never admitted. */
  admissionOf(conn: EngineConnection): Admission | undefined {
    this.lifetimes.get(conn.request)?.adopt(conn);
    return this.admissions.get(conn.request);
  }

  /**
   * Charges the upgrade of a polling session as a connection attempt, and refuses it over the limit. Its other requests are free.
   *
   * @returns whether the request may continue
   */
  async mayContinue(request: EngineRequest, endpoint: Endpoint): Promise<boolean> {
    const refusal = request.res ? undefined : await this.services.handshakes.attempt(request);
    if (refusal) this.refuse(request, refusal, pathOf(endpoint));
    return refusal === undefined;
  }

  /** Writes the answer itself, because Engine.IO supports only the statuses 400 and 403. */
  private refuse(request: EngineRequest, refusal: HandshakeRefusal, path?: string): void {
    this.services.reportHandshake(request, refusal, path);
    if (request.res) {
      const { status, headers, body } = answerTo(refusal);
      request.res.writeHead(status, headers).end(body);
    } else refuseUpgrade(request.socket, refusal);
  }
}

/** Returns whether a request has the path of an endpoint, with or without the slash that clients add. */
export function isAt(request: IncomingMessage, endpoint: Endpoint): boolean {
  const path = requestedPath(request);
  return path === pathOf(endpoint) || path === `${pathOf(endpoint)}/`;
}
