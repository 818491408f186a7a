import { AsyncLocalStorage } from 'node:async_hooks';
import { type Attributes, type Context, context, SpanStatusCode, trace } from '@opentelemetry/api';
import { Observable } from 'rxjs';
import { type Code, factsOf } from '../protocol/index.js';
import { ERROR_TYPE } from './attributes.js';
import type { Instruments } from './instruments.js';

/** Our own, because metrics alone need no context manager: without one OpenTelemetry forgets its context. */
const running = new AsyncLocalStorage<HandlerCall>();

/** One call of a handler: from the message, over all that Nest puts around the handler, to its last answer. */
export class HandlerCall {
  private refusal: Code | undefined;
  private isAccepted = false;
  private hasEnded = false;

  /**
   * @param attributes of every measurement of the handler
   * @param within has the call's span, and lasts as long as the call
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly instruments: Instruments,
    private readonly attributes: Attributes,
    private readonly within: Context,
    private readonly now: () => number,
    private readonly since = now(),
  ) {}

  /** The call that what happens now is part of. */
  static current(): HandlerCall | undefined {
    return running.getStore();
  }

  /** Does something as a part of this call. */
  run<T>(action: () => T): T {
    return running.run(this, () => context.with(this.within, action));
  }

  /** Notes that the peer is told no. What is refused after the call has ended is not its own. */
  refused(code: Code): void {
    if (!this.hasEnded) this.refusal ??= code;
  }

  /** The answers of a handler, which is called, and calls others, only when somebody asks for them. */
  over(answers: Observable<unknown>): Observable<unknown> {
    return new Observable(subscriber => {
      const subscription = this.run(() =>
        answers.subscribe({
          next: answer => {
            this.accept();
            subscriber.next(answer);
          },
          error: (error: unknown) => {
            this.refused('INTERNAL');
            subscriber.error(error);
          },
          complete: () => {
            subscriber.complete();
          },
        }),
      );
      return () => {
        subscription.unsubscribe();
        this.end();
      };
    });
  }

  end(): void {
    if (this.hasEnded) return;
    this.accept();
    this.hasEnded = true;
    const code = this.refusal;
    const outcome = code && { [ERROR_TYPE]: code };
    const duration = (this.now() - this.since) / 1000;
    this.instruments.handler.record(duration, { ...this.attributes, ...outcome }, this.within);
    const span = trace.getSpan(this.within);
    if (outcome) span?.setAttributes(outcome);
    // As over HTTP: what the peer got wrong is no error of the server.
    if (code && (factsOf(code).status ?? 0) >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  }

  /** A handler may go on answering for long: its event has been taken once it begins to. */
  private accept(): void {
    if (this.isAccepted || this.refusal) return;
    this.isAccepted = true;
    this.instruments.accepted.add(1, this.attributes);
  }
}
