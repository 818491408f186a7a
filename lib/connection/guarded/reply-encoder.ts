import { type FrameForm, receivedAs, type SemanticEvent } from '../../event/index.js';
import type { Subprotocol } from '../../protocol/index.js';
import type { ReplySigner } from '../../signing/index.js';
import type { Client } from '../index.js';
import { encodeEvent } from './subprotocol.js';

/** The data for a handler, and the form of its reply. */
export interface Request {
  readonly data: unknown;
  readonly form: FrameForm;
  /** Whether the reply to an event in Nest's own frame is signed. */
  readonly signsReply: boolean;
}

/** Encodes the result of a handler as a frame. The result is signed if it answers an event. */
export function encodeReply(
  result: unknown,
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
  return JSON.stringify(result);
}
