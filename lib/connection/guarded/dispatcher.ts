import { isObservable, type Observable, type Subscription, takeWhile } from 'rxjs';
import { type FrameForm, withJson } from '../../event/index.js';
import type { GatewayFacts, RouteTable } from '../../gateway/index.js';
import { eventIdOf } from '../../handler/index.js';
import { ignoreRejections, isThenable } from '../../maybe-promise.js';
import {
  attempt,
  contained,
  errorContext,
  logOnly,
  logUnexpected,
  thrown,
} from '../../monitoring/index.js';
import type { Connection } from './connection.js';
import { encodeReply, replyFailure, type Request } from './reply-encoder.js';
import type { Channel } from './transport.js';

/** A handler as Nest passes it to an adapter: it includes guards, pipes, interceptors and filters. */
export type BoundHandler = (data: unknown, message: string) => unknown;

const NONE: readonly BoundHandler[] = [];
export const NOT_PUBLIC = 'the client has not authenticated, and the handler is not @Public()';
export const LOST_ROLE = 'the renewed token lacks a role of the one with which the stream began';
const UNHANDLED = 'no @SubscribeMessage of a gateway at this path has this type';

/**
 * Passes the frames of one connection to the handlers of its gateways. It denies by default: an anonymous client reaches only
 * `@Public()` handlers, and a message without a handler is refused.
 */
export class Dispatcher {
  private handlers: readonly BoundHandler[] = NONE;
  /** Created when a handler first returns an Observable. */
  private streams: Set<Subscription> | undefined;

  constructor(
    readonly connection: Connection,
    readonly channel: Channel,
    private routes: RouteTable,
  ) {}

  /** Binds the handlers of one more gateway, in the order of its messages. */
  bind(gateway: GatewayFacts, handlers: readonly BoundHandler[]): void {
    this.routes = this.routes.with(gateway);
    this.handlers = this.handlers.length > 0 ? [...this.handlers, ...handlers] : handlers;
  }

  /** Refuses a frame first of all if the rate limit of its only handler is known to be used up. */
  refusesSpent(name: unknown, data: unknown, form: FrameForm): boolean {
    if (typeof name !== 'string') return false;
    const { client, services } = this.connection;
    const retryAfter = services.limiter.spent.retryAfter(client, name);
    if (retryAfter === 0 || this.routes.find(name)?.length !== 1) return false;
    const reason = 'the limit of the handler is used up';
    this.channel.refuse('RATE_LIMITED', { id: eventIdOf(data), retryAfter, reason }, form, name);
    return true;
  }

  /** Calls the handlers of a message, or refuses it. @param json the text of the data, if the frame contains it unchanged */
  dispatch(name: string, data: unknown, form: FrameForm, json: Buffer | undefined): void {
    if (this.connection.isAnonymous && !this.hasPublic(name))
      this.channel.refuse(
        'UNAUTHENTICATED',
        { id: eventIdOf(data), reason: NOT_PUBLIC },
        form,
        name,
      );
    else if (!withJson(data, json, () => this.callAll(name, data, form)))
      this.channel.refuse('UNKNOWN_EVENT', { id: eventIdOf(data), reason: UNHANDLED }, form, name);
  }

  /** Ends the running streams of handlers. */
  stop(): void {
    this.handlers = NONE;
    for (const stream of this.streams ?? []) {
      try {
        stream.unsubscribe();
      } catch (error) {
        logUnexpected(this.connection.services.logger, error);
      }
    }
    this.streams = undefined;
  }

  private hasPublic(message: string): boolean {
    return this.routes.find(message)?.some(({ isPublic }) => isPublic) ?? false;
  }

  /** @returns whether there is a handler */
  private callAll(message: string, data: unknown, form: FrameForm): boolean {
    const { handlers } = this;
    const routes = this.routes.find(message);
    if (!routes) return false;
    for (const { at, isPublic, signsReply } of routes) {
      const handler = handlers[at];
      if (handler && (isPublic || !this.connection.isAnonymous))
        attempt(async () => this.call(handler, message, { data, form, signsReply }));
    }
    return true;
  }

  private async call(callback: BoundHandler, message: string, request: Request): Promise<void> {
    const done = this.connection.begin();
    try {
      const result = await callback(request.data, message);
      if (isObservable(result)) await this.stream(result, message, request);
      else this.answer(isThenable(result) ? await result : result, message, request);
    } catch (error) {
      // Nest's filters catch the errors of handlers. Only an error of a filter arrives here.
      this.fail(error, message, request);
    } finally {
      done();
    }
  }

  private stream(results: Observable<unknown>, message: string, request: Request): Promise<void> {
    return new Promise((resolve, reject) => {
      // The connection has ended: nothing would end a stream that begins now.
      if (this.handlers === NONE) {
        resolve();
        return;
      }
      // Do not sign replies for a client that has gone.
      const stream = results.pipe(takeWhile(() => this.connection.isOpen)).subscribe({
        next: result => {
          this.answer(result, message, request);
        },
        error: reject,
        complete: resolve,
      });
      (this.streams ??= new Set()).add(stream);
      const ended = this.connection.streaming(() => {
        const id = eventIdOf(request.data);
        this.channel.refuse('FORBIDDEN', { id, reason: LOST_ROLE }, request.form, message);
        stream.unsubscribe();
      });
      stream.add(
        contained(() => {
          this.streams?.delete(stream);
          ended();
          resolve();
        }),
      );
    });
  }

  private answer(result: unknown, message: string, request: Request): void {
    if (result === undefined || result === null) return;
    if (!this.connection.isOpen) {
      // No client receives the result, but its promises must not end the process.
      ignoreRejections(result);
      return;
    }
    const { client, services } = this.connection;
    const { subprotocol } = this.channel;
    try {
      this.channel.send(
        encodeReply(result, message, request, client, services.replies, subprotocol),
      );
    } catch (error) {
      ignoreRejections(result);
      this.fail(error, message, request, replyFailure(error));
    }
  }

  private fail(error: unknown, message: string, { data, form }: Request, before = ''): void {
    const { client, services } = this.connection;
    const event = { eventType: message, eventId: eventIdOf(data) };
    const reason = before + thrown(error);
    logOnly(services.logger, error, undefined, before || 'A handler threw ');
    this.channel.refuse('INTERNAL', { id: event.eventId, reason }, form, message);
    services.errors.report(error, errorContext('handler', client, event));
  }
}
