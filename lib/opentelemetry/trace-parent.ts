import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';

/** The maximum length. Version 00 has 55 characters; later versions may have a few more. */
const MAX_PARENT_LENGTH = 128;
/** The maximum length of a trace state (W3C Trace Context, section 3.3.1.5). */
const MAX_STATE_LENGTH = 512;
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/**
 * Returns the parent span that an event names in its attributes `traceparent` and `tracestate` (CloudEvents distributed
 * tracing extension). Clients choose these values, so malformed ones are ignored.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export function remoteParentOf(event: unknown): SpanContext | undefined {
  if (typeof event !== 'object' || event === null || !('traceparent' in event)) return undefined;
  const { traceparent } = event;
  if (typeof traceparent !== 'string' || traceparent.length > MAX_PARENT_LENGTH) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] =
    TRACEPARENT.exec(traceparent) ?? [];
  if (version === '00' && more !== undefined) return undefined;
  const parent: SpanContext = {
    traceId,
    spanId,
    traceFlags: parseInt(flags, 16) & SAMPLED,
    isRemote: true,
  };
  if (!isSpanContextValid(parent)) return undefined;
  const tracestate = 'tracestate' in event ? event.tracestate : undefined;
  if (typeof tracestate === 'string' && tracestate.length <= MAX_STATE_LENGTH)
    parent.traceState = createTraceState(tracestate);
  return parent;
}
