import { isMeantAsEvent, type SemanticEvent, type SemanticEventInit } from '../event/index.js';
import { canonicalize, writeString } from './canonicalize.js';

/** What an answer says, beside what every answer says. */
interface ReplyContent {
  readonly type: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly datacontenttype: string;
}

/** What makes an answer an event of its own. */
export interface ReplyIdentity {
  /** A UUID: used once as it is, it serves as the nonce, too. */
  readonly id: string;
  readonly time: string;
}

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
  const reply = isMeantAsEvent(result)
    ? { ...result, semanticnonce: undefined }
    : { source, ...contentOf(request, result) };
  return { ...reply, semanticcorrelationid: request.id };
}

/**
 * The canonical form of `replyTo`'s event, without its closing brace; undefined where a handler returned an event. All
 * members but the data are known, and so is their order: nothing is left to sort.
 *
 * @param identity of plain ASCII, with nothing to escape
 * @throws TypeError when the data has no canonical form
 */
export function openReply(
  request: SemanticEvent,
  result: unknown,
  source: string,
  { id, time }: ReplyIdentity,
): { type: string; openText: string } | undefined {
  if (isMeantAsEvent(result)) return undefined;
  const { type, data, data_base64: binary, datacontenttype } = contentOf(request, result);
  const openText =
    '{' +
    (data === undefined ? '' : `"data":${canonicalize(data)},`) +
    (binary === undefined ? '' : `"data_base64":"${binary}",`) +
    `"datacontenttype":"${datacontenttype}","id":"${id}",` +
    `"semanticcorrelationid":${writeString(request.id)},"semanticnonce":"${id}",` +
    `"source":${writeString(source)},"specversion":"1.0","time":"${time}","type":${writeString(type)}`;
  return { type, openText };
}

function contentOf(request: SemanticEvent, result: unknown): ReplyContent {
  const isNamed = isWsResponse(result);
  const type = isNamed ? result.event : `${request.type}.reply`;
  const data = isNamed ? result.data : result;
  if (!(data instanceof Uint8Array)) return { type, data, datacontenttype: 'application/json' };
  // Bytes have a form of their own in JSON (CloudEvents JSON format, section 3.1.1).
  const binary = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return { type, data_base64: binary, datacontenttype: 'application/octet-stream' };
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
