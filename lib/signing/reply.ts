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
    : { source, ...contentOf(request, result) };
  return { ...reply, semanticcorrelationid: request.id };
}

function contentOf(request: SemanticEvent, result: unknown): Partial<SemanticEvent> & Type {
  return isWsResponse(result)
    ? { type: result.event, ...withData(result.data) }
    : { type: `${request.type}.reply`, ...withData(result) };
}

type Type = Pick<SemanticEvent, 'type'>;

/** Bytes have a form of their own in JSON (CloudEvents JSON format, section 3.1.1). */
function withData(data: unknown): Partial<SemanticEvent> {
  if (!(data instanceof Uint8Array)) return { data, datacontenttype: 'application/json' };
  const binary = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return { data_base64: binary, datacontenttype: 'application/octet-stream' };
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
