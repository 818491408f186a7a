import { AsyncLocalStorage } from 'node:async_hooks';
import { type Attributes, type Context, context, SpanStatusCode, trace } from '@opentelemetry/api';
import { Observable } from 'rxjs';
import { errorText, isError, placeOf, safeText } from '../monitoring/index.js';
import { type Code, factsOf } from '../protocol/index.js';
import { ERROR_TYPE, OTHER_ERROR, REFUSAL_REASON } from './attributes.js';
import type { Instruments } from './instruments.js';

/**
 * Finds the current call. OpenTelemetry's own context needs a context manager, which applications with metrics only lack.
 */
const running = new AsyncLocalStorage<HandlerCall>();

/** One call of a handler: from the message, through Nest's guards and interceptors, to its last answer. */
export class HandlerCall {
  private refusal: Code | undefined;
  private isAccepted = false;
  private hasEnded = false;

  /**
   * @param attributes the attributes of every measurement of the handler
   * @param callContext the context with the span of this call
   * @param now returns monotonic milliseconds
   */
  constructor(
    private readonly instruments: Instruments,
    private readonly attributes: Attributes,
    private readonly callContext: Context,
    private readonly now: () => number,
    private readonly since = now(),
  ) {}

  /** Returns the current call. */
  static current(): HandlerCall | undefined {
    return running.getStore();
  }

  /** Runs a function in the context of this call. */
  run<T>(action: () => T): T {
    return running.run(this, () => context.with(this.callContext, action));
  }

  /**
   * Records that the event of this call is rejected. It ignores a rejection after the end of the call.
   *
   * @param reason called only if the span is recorded
   */
  refused(code: Code, reason?: () => string | undefined): void {
    if (this.hasEnded || this.refusal) return;
    this.refusal = code;
    const span = trace.getSpan(this.callContext);
    const text = span?.isRecording() ? reason?.() : undefined;
    if (text !== undefined) span?.setAttribute(REFUSAL_REASON, text);
  }

  /** Records an unexpected error at the span by its name and place. Its message may quote event data. */
  failed(error: unknown): void {
    if (this.hasEnded) return;
    const name = isError(error) ? safeText(errorText(error, 'name') || 'Error') : OTHER_ERROR;
    trace.getSpan(this.callContext)?.recordException({ name, stack: placeOf(error) });
  }

  /** Wraps the answers of a handler. A lazy stream runs in the context of this call. */
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
    this.instruments.handler.record(duration, { ...this.attributes, ...outcome }, this.callContext);
    const span = trace.getSpan(this.callContext);
    if (outcome) span?.setAttributes(outcome);
    // As in HTTP, a mistake of the client is not a server error.
    if (code && (factsOf(code).status ?? 0) >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  }

  /** Counts the event as accepted with the first answer: a handler may answer for a long time. */
  private accept(): void {
    if (this.isAccepted || this.refusal) return;
    this.isAccepted = true;
    this.instruments.accepted.add(1, this.attributes);
  }
}
