import type { IncomingMessage } from 'node:http';
import type { ServerOptions, VerifyClientCallbackAsync } from 'ws';
import { type ConnectionServices, selectSubprotocol } from '../../connection/guarded/index.js';
import type { Endpoint } from '../../gateway/index.js';
import { type Admission, answerTo, type HandshakeRefusal } from '../../handshake/index.js';
import { attempt, logUnexpected, thrown } from '../../monitoring/index.js';
import { RefusalError } from '../../protocol/index.js';

type Answer = Parameters<VerifyClientCallbackAsync>[1];

/** Decides which handshakes become WebSockets. */
export class WsHandshake {
  private readonly admissions = new WeakMap<IncomingMessage, Admission>();
  /** The paths whose handshakes another listener answered. A client can repeat them, so the log names each path once. */
  private readonly takenPaths = new Set<string>();

  constructor(private readonly services: ConnectionServices) {}

  /** Returns the ws options that decide about the handshakes of an endpoint. */
  options(
    endpoint: Endpoint,
    origins: readonly string[],
  ): Pick<ServerOptions, 'handleProtocols' | 'verifyClient'> {
    return {
      handleProtocols: selectSubprotocol,
      verifyClient: ({ req }, answer) => {
        attempt(async () => {
          const admission = await this.admit(req, origins);
          this.answer(req, admission, answer, endpoint);
        });
      },
    };
  }

  /** Returns the admission of a request; undefined for one that was never admitted. */
  admissionOf(request: IncomingMessage): Admission | undefined {
    return this.admissions.get(request);
  }

  private async admit(
    request: IncomingMessage,
    origins: readonly string[],
  ): Promise<Admission | HandshakeRefusal> {
    try {
      return await this.services.handshakes.admit(request, { origins });
    } catch (error) {
      if (!RefusalError.is(error)) logUnexpected(this.services.logger, error);
      return { code: 'SERVER_FULL', reason: RefusalError.is(error) ? error.reason : thrown(error) };
    }
  }

  private answer(
    request: IncomingMessage,
    result: Admission | HandshakeRefusal,
    answer: Answer,
    { path }: Endpoint,
  ): void {
    if ('slot' in result) {
      if (request.socket.writableEnded) this.warnOnce(path);
      this.admissions.set(request, result);
      answer(true);
      return;
    }
    this.services.reportHandshake(request, result, path);
    const { status, headers, body } = answerTo(result);
    answer(false, status, body, headers);
  }

  /** Warns of a second WebSocketServer with the options `server` and `path`: it answers each other path with status 400. */
  private warnOnce(path: string): void {
    if (this.takenPaths.has(path)) return;
    this.takenPaths.add(path);
    this.services.logger.warn(
      `Another upgrade listener of the HTTP server answered a handshake of ${path}, so the client cannot connect. ` +
        'Create the other WebSocketServer with noServer: true, and handle only upgrades of its own path.',
    );
  }
}
