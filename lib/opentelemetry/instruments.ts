import type { Meter } from '@opentelemetry/api';

/** Names the instrumentation: its meter and its tracer. */
export const SCOPE = 'nestjs-semantic-events';

/** Upper bounds of the buckets of all durations, in seconds: from an in-memory MAC to a store that does not answer. */
const DURATIONS = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export type Instruments = ReturnType<typeof instrumentsOf>;

/** All instruments. docs/operating.md lists them, and a test compares the two. */
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
      description: 'Events, and messages of other forms, that a handler accepted',
    }),
    refused: meter.createCounter('semantic_events.event.refused', {
      unit: '{event}',
      description: 'Events, and messages of other forms, that the server rejected',
    }),
    handshakesRefused: meter.createCounter('semantic_events.handshake.refused', {
      unit: '{handshake}',
      description: 'Handshakes that the server rejected',
    }),
    closed: meter.createCounter('semantic_events.connection.closed', {
      unit: '{connection}',
      description: 'Connections that the server closed',
    }),
    connections: meter.createObservableUpDownCounter('semantic_events.connection.count', {
      unit: '{connection}',
      description: 'Open connections, authenticated or not',
    }),
    queuedBytes: meter.createObservableUpDownCounter('semantic_events.connection.send_queue.size', {
      unit: 'By',
      description: 'Bytes in send buffers that clients have not read yet',
    }),
    handler: duration(
      'semantic_events.handler.duration',
      'Time from the call of a handler, with guards and pipes, to its last answer',
    ),
    meshHandler: duration(
      'semantic_events.mesh.handler.duration',
      'Duration of one attempt of a mesh handler',
    ),
    authentication: duration(
      'semantic_events.authentication.duration',
      'Duration of the verification of a token or ticket',
    ),
    verification: duration(
      'semantic_events.verification.duration',
      'Duration of the verification of time and signature of an event',
    ),
    store: duration('semantic_events.store.operation.duration', 'Duration of a request to a store'),
  };
}
