import { isObservable, type Observable, type Subscription, takeWhile } from 'rxjs';
import { type FrameForm, receivedAs, type SemanticEvent } from '../event/index.js';
import { eventIdOf } from '../handler/index.js';
import { isThenable } from '../maybe-promise.js';
import { logUnexpected } from '../monitoring/index.js';
import type { Client } from '../connection/index.js';
import type { Code, RefusalDetails, Subprotocol } from '../protocol/index.js';
import type { ConnectionServices } from './connection-services.js';
import type { RouteTable } from './route-table.js';
import { RunningCalls } from './running-calls.js';
import { encodeEvent } from './subprotocol.js';

/** A handler as Nest hands it to an adapter: guards, pipes, interceptors and filters included. */
export type BoundHandler = (data: unknown, message: string) => unknown;

/** What a handler is called with, and how it is to be answered. */
interface Request {
  readonly data: unknown;
  readonly form: FrameForm;
  /** Whether an answer to an event that came in Nest's own frame is signed. */
  readonly signsReply: boolean;
}

/** Where answers go. */
export interface Outlet {
  readonly client: Client;
  readonly services: ConnectionServices;
  readonly isOpen: boolean;
  send(text: string): void;
  refuse(code: Code, details: RefusalDetails, form: FrameForm, eventType?: string): void;
  /** Told when a handler has finished. */
  handlerFinished(): void;
}

const NONE: readonly BoundHandler[] = [];

/** Brings the messages of one connection to the handlers of every gateway it belongs to, and answers back. */
export class MessageRouter {
  private handlers: readonly BoundHandler[] = NONE;
  /** Made when a handler first answers by a stream. */
  private streams: Set<Subscription> | undefined;
  readonly calls = new RunningCalls();

  constructor(
    private readonly connection: Outlet,
    private routes: RouteTable,
    readonly subprotocol: Subprotocol,
  ) {}

  /** Binds the handlers of one more gateway, each to the message in the same place. */
  bind(messages: readonly string[], handlers: readonly BoundHandler[]): void {
    this.routes = this.routes.with(messages);
    this.handlers = this.handlers.length > 0 ? [...this.handlers, ...handlers] : handlers;
  }

  /** Whether anything handles a message without authentication. */
  hasPublic(message: string): boolean {
    return this.routes.find(message)?.some(({ isPublic }) => isPublic) ?? false;
  }

  /** Whether no more than one handler takes a message. */
  isSole(message: string): boolean {
    return this.routes.find(message)?.length === 1;
  }

  /** Calls whoever handles a message. @returns whether anybody does */
  dispatch(message: string, data: unknown, form: FrameForm): boolean {
    const { handlers } = this;
    const routes = this.routes.find(message);
    if (!routes) return false;
    for (const { at, isPublic, signsReply } of routes) {
      const handler = handlers[at];
      if (handler && (isPublic || this.connection.client.user))
        void this.call(handler, message, { data, form, signsReply });
    }
    return true;
  }

  /** Ends what handlers are still streaming. */
  stop(): void {
    this.handlers = NONE;
    for (const stream of this.streams ?? []) {
      try {
        stream.unsubscribe();
      } catch (error) {
        logUnexpected(this.services.logger, error);
      }
    }
    this.streams = undefined;
  }

  private get services(): ConnectionServices {
    return this.connection.services;
  }

  private async call(callback: BoundHandler, message: string, request: Request): Promise<void> {
    this.calls.begin();
    try {
      const result = await callback(request.data, message);
      if (isObservable(result)) await this.stream(result, request);
      else this.answer(isThenable(result) ? await result : result, request);
    } catch (error) {
      // Nest's filters take what a handler throws; this is what they, or an answer, throw themselves.
      this.fail(error, request);
    } finally {
      this.calls.end();
      this.connection.handlerFinished();
    }
  }

  private stream(results: Observable<unknown>, request: Request): Promise<void> {
    return new Promise((resolve, reject) => {
      // The connection has ended meanwhile: nobody would end what begins now.
      if (this.handlers === NONE) {
        resolve();
        return;
      }
      // Nobody is signed for who cannot be told any more.
      const stream = results.pipe(takeWhile(() => this.connection.isOpen)).subscribe({
        next: result => {
          try {
            this.answer(result, request);
          } catch (error) {
            this.fail(error, request);
          }
        },
        error: reject,
        complete: resolve,
      });
      (this.streams ??= new Set()).add(stream);
      stream.add(() => {
        this.streams?.delete(stream);
        resolve();
      });
    });
  }

  private answer(result: unknown, { data, form, signsReply }: Request): void {
    if (result === undefined || result === null || !this.connection.isOpen) return;
    const { client } = this.connection;
    if (form === 'event') {
      const { text } = this.services.replies.sign(data as SemanticEvent, result, client);
      this.connection.send(encodeEvent(text, this.subprotocol));
    } else if (signsReply && receivedAs(data) === 'nest') {
      const { type, text } = this.services.replies.sign(data as SemanticEvent, result, client);
      this.connection.send(`{"event":${JSON.stringify(type)},"data":${text}}`);
    } else {
      this.connection.send(JSON.stringify(result));
    }
  }

  private fail(error: unknown, { data, form }: Request): void {
    logUnexpected(this.services.logger, error);
    this.connection.refuse('INTERNAL', { id: eventIdOf(data) }, form);
  }
}
