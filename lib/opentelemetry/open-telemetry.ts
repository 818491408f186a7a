import {
  type Context,
  context,
  type MeterProvider,
  metrics,
  SpanKind,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { isObservable } from 'rxjs';
import { type Clock, SystemClock } from '../clock.js';
import { eventIdOf } from '../handler/index.js';
import {
  type MessageHandler,
  safeText,
  Telemetry,
  type TelemetrySources,
  type TimedOperation,
} from '../monitoring/index.js';
import { EVENT_TYPE, FUNCTION, STORE } from './attributes.js';
import { HandlerCall } from './handler-call.js';
import { type Instruments, instrumentsOf, SCOPE } from './instruments.js';
import { timed } from './timed.js';
import { remoteParentOf } from './trace-parent.js';
import { watch } from './watch.js';

export interface OpenTelemetryOptions {
  /** The provider of the meter. Register the global one before the application is created. @default the global one */
  meterProvider?: MeterProvider;
  /** The provider of the tracer. @default the global one */
  tracerProvider?: TracerProvider;
  /** The clock that measures durations. @default the system clock */
  clock?: Clock;
}

/** Creates telemetry with OpenTelemetry, for `SemanticEventsModule.forRoot({ telemetry: openTelemetry() })`. */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  return new OpenTelemetry(options);
}

class OpenTelemetry extends Telemetry {
  private readonly tracer: Tracer;
  private readonly clock: Clock;
  private createdInstruments: Instruments | undefined;

  constructor(private readonly options: OpenTelemetryOptions) {
    super();
    this.tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
    this.clock = options.clock ?? new SystemClock();
  }

  timed<A extends unknown[], R>(
    operation: TimedOperation,
    call: (...args: A) => R,
  ): (...args: A) => R {
    const { authentication, verification, store, meshHandler } = this.instruments;
    if (operation === 'authentication') return timed(authentication, {}, this.clock, call);
    if (operation === 'verification') return timed(verification, {}, this.clock, call);
    return 'store' in operation
      ? timed(store, { [STORE]: operation.store }, this.clock, call)
      : timed(meshHandler, { [FUNCTION]: operation.handler }, this.clock, call);
  }

  handled(message: string, handler: MessageHandler): MessageHandler {
    const attributes = { [EVENT_TYPE]: message };
    const now = () => this.clock.monotonic();
    return async (data, name) => {
      const callContext = this.contextOf(message, data);
      const call = new HandlerCall(this.instruments, attributes, callContext, now);
      try {
        const result = await call.run(() => handler(data, name));
        if (isObservable(result)) return call.over(result);
        call.end();
        return result;
      } catch (error) {
        // Nest's filters handle errors of handlers. This error comes from the filters themselves.
        call.refused('INTERNAL');
        call.end();
        throw error;
      }
    };
  }

  override failed(error: unknown): void {
    HandlerCall.current()?.failed(error);
  }

  watch(sources: TelemetrySources): () => void {
    return watch(this.instruments, sources);
  }

  /**
   * Returns the context for the span of a message: the parent that the event names, or none. It is not part of the
   * handshake's trace.
   */
  private contextOf(message: string, data: unknown): Context {
    const active = context.active();
    const parent = remoteParentOf(data);
    const outer = parent ? trace.setSpanContext(active, parent) : trace.deleteSpan(active);
    const id = eventIdOf(data);
    const attributes = {
      'messaging.system': 'semantic_events',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': message,
      ...(id !== undefined && { 'cloudevents.event_id': safeText(id) }),
    };
    const options = { kind: SpanKind.CONSUMER, attributes };
    return trace.setSpan(outer, this.tracer.startSpan(`process ${message}`, options, outer));
  }

  /** Created with the application: a meter does not notice a provider that is registered later. */
  private get instruments(): Instruments {
    this.createdInstruments ??= instrumentsOf(
      (this.options.meterProvider ?? metrics).getMeter(SCOPE),
    );
    return this.createdInstruments;
  }
}
