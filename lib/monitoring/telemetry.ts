import type { SecurityEvents } from './security-events.js';

/**
 * A timed operation: an authentication, a signature verification, a request to a store, or a call of a mesh handler. Names are,
 * for example, `nonces` and `Greeter.greet`.
 */
export type TimedOperation =
  'authentication' | 'verification' | { readonly store: string } | { readonly handler: string };

/** A handler of a gateway, with its guards, pipes, interceptors and filters. */
export type MessageHandler = (data: unknown, message: string) => unknown;

/** The sources of measurements in a running application. */
export interface TelemetrySources {
  readonly events: SecurityEvents;
  /** The names of the messages with a handler. No other name may become a label. */
  readonly handlers: () => readonly string[];
  /** The number of open connections. */
  readonly connections: () => number;
  /** Bytes that wait to be sent, over all connections. */
  readonly queuedBytes: () => number;
}

/**
 * The port for measurements and traces, behind `telemetry: openTelemetry()`. Functions are wrapped when providers and
 * connections are created. Without telemetry they are returned unchanged, and cost nothing.
 */
export abstract class Telemetry {
  /** Wraps a function, and measures the time and outcome of each call. */
  abstract timed<A extends unknown[], R>(
    operation: TimedOperation,
    call: (...args: A) => R,
  ): (...args: A) => R;

  /** Wraps a handler, and measures and traces each call. @param message the name of its message */
  abstract handled(message: string, handler: MessageHandler): MessageHandler;

  /** Records an error other than a refusal, for the running handler. The default does nothing. */
  failed(_error: unknown): void {
    // There is no trace to record the error in.
  }

  /** Starts measuring an application. @returns a function that stops it */
  abstract watch(sources: TelemetrySources): () => void;
}

/** A telemetry that measures nothing. */
class NoTelemetry extends Telemetry {
  timed<A extends unknown[], R>(_: TimedOperation, call: (...args: A) => R): (...args: A) => R {
    return call;
  }

  handled(_: string, handler: MessageHandler): MessageHandler {
    return handler;
  }

  watch(): () => void {
    return () => undefined;
  }
}

/** The telemetry of providers that were created without the module. */
export const NO_TELEMETRY: Telemetry = new NoTelemetry();
