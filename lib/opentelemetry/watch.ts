import type { ObservableResult } from '@opentelemetry/api';
import { safeText, type SecurityEvent, type TelemetrySources } from '../monitoring/index.js';
import { ERROR_TYPE, EVENT_TYPE, OTHER_TYPE } from './attributes.js';
import { HandlerCall } from './handler-call.js';
import type { Instruments } from './instruments.js';

/** Counts the security events of an application and observes its connections. @returns a function that stops it */
export function watch(instruments: Instruments, sources: TelemetrySources): () => void {
  const { connections, queuedBytes } = instruments;
  const countConnections = reading(sources.connections);
  const countBytes = reading(sources.queuedBytes);
  connections.addCallback(countConnections);
  queuedBytes.addCallback(countBytes);
  const typeOf = handlerTypes(sources);
  const subscription = sources.events.subscribe(event => {
    count(instruments, event, typeOf);
  });
  return () => {
    subscription.unsubscribe();
    connections.removeCallback(countConnections);
    queuedBytes.removeCallback(countBytes);
  };
}

const reading = (read: () => number) => (result: ObservableResult) => {
  result.observe(read());
};

/** Maps event types, which clients choose, to the names of handlers, which the application chooses. */
function handlerTypes({ handlers }: TelemetrySources): (eventType?: string) => string {
  // Security events use this form of a type.
  let types: ReadonlyMap<string, string> | undefined;
  return (eventType = OTHER_TYPE) => {
    types ??= new Map(handlers().map(name => [safeText(name), name]));
    return types.get(eventType) ?? OTHER_TYPE;
  };
}

function count(
  { refused, closed, handshakesRefused }: Instruments,
  event: SecurityEvent,
  typeOf: (eventType?: string) => string,
): void {
  switch (event.kind) {
    case 'refused':
      HandlerCall.current()?.refused(event.code, () => event.reason);
      refused.add(1, { [EVENT_TYPE]: typeOf(event.eventType), [ERROR_TYPE]: event.code });
      return;
    case 'closed':
      closed.add(1, { [ERROR_TYPE]: event.code });
      return;
    case 'handshakeRefused':
      handshakesRefused.add(1, { [ERROR_TYPE]: event.code });
  }
}
