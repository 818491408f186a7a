import type { SemanticEvent, SemanticEventInit } from '../event/index.js';

/**
 * The event that answers another, made of what a handler returned: an event as it is, Nest's
 * `{ event, data }` under that type, and anything else as the data of `<type>.reply`.
 *
 * @param source the `source` of events the server makes
 */
export function replyTo(
  request: SemanticEvent,
  result: unknown,
  source: string,
): SemanticEventInit {
  const reply = isEvent(result)
    ? { ...result, semanticnonce: undefined }
    : { source, ...contentOf(request, result), datacontenttype: 'application/json' };
  return { ...reply, semanticcorrelationid: request.id };
}

function contentOf(request: SemanticEvent, result: unknown): { type: string; data: unknown } {
  if (isWsResponse(result)) return { type: result.event, data: result.data };
  return { type: `${request.type}.reply`, data: result };
}

function isEvent(result: unknown): result is SemanticEvent {
  return typeof result === 'object' && result !== null && 'specversion' in result;
}

function isWsResponse(result: unknown): result is { event: string; data: unknown } {
  return (
    typeof result === 'object' &&
    result !== null &&
    'event' in result &&
    typeof result.event === 'string' &&
    'data' in result
  );
}
