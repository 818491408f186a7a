import { assertAwaited } from '../../maybe-promise.js';
import { type FrameForm, receivedAs, type SemanticEvent } from '../../event/index.js';
import {
  isInstance,
  ReservedFrameError,
  reservedFrameIn,
  type Subprotocol,
} from '../../protocol/index.js';
import type { ReplySigner } from '../../signing/index.js';
import type { Client } from '../index.js';
import { encodeEvent } from './subprotocol.js';

/** The stack of such an error names no handler: the value was encoded after the handler had returned. */
const REPLY_FAILED = 'the return value of the handler cannot be sent: ';

/** The data for a handler, and the form of its reply. */
export interface Request {
  readonly data: unknown;
  readonly form: FrameForm;
  /** Whether the reply to an event in Nest's own frame is signed. */
  readonly signsReply: boolean;
}

/**
 * Encodes the result of a handler as a frame. The result is signed if it answers an event. The answer to a plain message is
 * the result itself, so it must not be a frame of the server: a handler may return what another client has stored.
 *
 * @param message the name of the message
 * @throws ReservedFrameError if the answer to a plain message would be a frame of the server
 */
export function encodeReply(
  result: unknown,
  message: string,
  { data, form, signsReply }: Request,
  client: Client,
  replies: ReplySigner,
  subprotocol: Subprotocol,
): string {
  if (form === 'event') {
    const { text } = replies.answer(data as SemanticEvent, result, client);
    return encodeEvent(text, subprotocol);
  }
  if (signsReply && receivedAs(data) === 'nest') {
    const { type, text } = replies.answer(data as SemanticEvent, result, client);
    return `{"event":${JSON.stringify(type)},"data":${text}}`;
  }
  // A function or a symbol has no JSON text.
  const text = JSON.stringify(result) as string | undefined;
  // JSON writes a promise as an empty object.
  if (text?.includes('{}')) assertAwaited(result);
  const frame = text === undefined ? undefined : reservedFrameIn(text);
  if (frame !== undefined) throw new ReservedFrameError(message, frame);
  return text as string;
}

/** Returns the start of the log line about a result that cannot be sent. It contains no data of a client. */
export function replyFailure(error: unknown): string {
  return isInstance(error, ReservedFrameError) ? `${error.message}: ` : REPLY_FAILED;
}
