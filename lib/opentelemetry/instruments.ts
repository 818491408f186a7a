import type { Meter } from '@opentelemetry/api';

/** Names the instrumentation: its meter and its tracer. */
export const SCOPE = 'nestjs-semantic-events';

/** Upper bounds of the buckets of every duration, in seconds: from a MAC in memory to a store that hangs. */
const DURATIONS = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export type Instruments = ReturnType<typeof instrumentsOf>;

/** Every instrument there is; docs/operating.md lists them, and a test holds it against this. */
export function instrumentsOf(meter: Meter) {
  const duration = (name: string, description: string) =>
    meter.createHistogram(name, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: DURATIONS },
    });
  return {
    accepted: meter.createCounter('semantic_events.event.accepted', {
      unit: '{event}',
      description: 'Events, and messages of other forms, that a handler has taken',
    }),
    refused: meter.createCounter('semantic_events.event.refused', {
      unit: '{event}',
      description: 'Events, and messages of other forms, that were refused',
    }),
    handshakesRefused: meter.createCounter('semantic_events.handshake.refused', {
      unit: '{handshake}',
      description: 'Handshakes that did not become a connection',
    }),
    closed: meter.createCounter('semantic_events.connection.closed', {
      unit: '{connection}',
      description: 'Connections that the server has closed',
    }),
    connections: meter.createObservableUpDownCounter('semantic_events.connection.count', {
      unit: '{connection}',
      description: 'Open connections, authenticated or not',
    }),
    queuedBytes: meter.createObservableUpDownCounter('semantic_events.connection.send_queue.size', {
      unit: 'By',
      description: 'Bytes that wait for peers to read them',
    }),
    handler: duration(
      'semantic_events.handler.duration',
      'From the call of a handler, guards and pipes included, to its last answer',
    ),
    meshHandler: duration(
      'semantic_events.mesh.handler.duration',
      'From an attempt of a handler of the mesh to its end',
    ),
    authentication: duration(
      'semantic_events.authentication.duration',
      'From a token or ticket to what it is worth',
    ),
    verification: duration(
      'semantic_events.verification.duration',
      'Verifying the time and the signature of an event',
    ),
    store: duration(
      'semantic_events.store.operation.duration',
      'From asking a store to its answer',
    ),
  };
}
