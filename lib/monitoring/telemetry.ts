import type { SecurityEvents } from './security-events.js';

/**
 * What is timed: authenticating, verifying a signature, asking the store of something, such as `nonces`, or an attempt
 * of a handler of the mesh, such as `Greeter.greet`.
 */
export type TimedOperation =
  'authentication' | 'verification' | { readonly store: string } | { readonly handler: string };

/** Calls a handler of a gateway with all that Nest puts around it. */
export type MessageHandler = (data: unknown, message: string) => unknown;

/** What there is to know of a running application. */
export interface TelemetrySources {
  readonly events: SecurityEvents;
  /** The names of the messages that have a handler: no other name may become a label. */
  readonly handlers: () => readonly string[];
  /** How many connections are open. */
  readonly connections: () => number;
  /** Bytes that wait to be sent, over all connections. */
  readonly queuedBytes: () => number;
}

/**
 * Where measurements and traces go: the port behind `telemetry: openTelemetry()`. Functions are wrapped when
 * providers and connections are made; where nothing is measured they stay what they are, and cost nothing.
 */
export abstract class Telemetry {
  /** A function that does the same, and has the time and the outcome of each call taken down. */
  abstract timed<A extends unknown[], R>(
    operation: TimedOperation,
    call: (...args: A) => R,
  ): (...args: A) => R;

  /** A handler that does the same, and has each call measured and traced. @param message its name */
  abstract handled(message: string, handler: MessageHandler): MessageHandler;

  /** Has an application watched. @returns what ends that */
  abstract watch(sources: TelemetrySources): () => void;
}

/** Measures nothing. */
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

/** What providers go by that were made without the module. */
export const NO_TELEMETRY: Telemetry = new NoTelemetry();
