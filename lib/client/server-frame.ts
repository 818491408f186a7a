import { SemanticEventsClientError } from './client-error.js';

/** A frame of the server with unchecked members. */
export type ServerFrame = Record<string, unknown>;

const MAX_CODE_LENGTH = 64;
const MAX_TEXT_LENGTH = 1_000;

/** Returns the time until a retry can succeed, in milliseconds. */
export function retryAfterOf({ retry_after }: ServerFrame): number | undefined {
  return Math.max(0, Number(retry_after) * 1000) || undefined;
}

/** Converts an error frame to an error. @param eventType the type of the event: the frame has its id only */
export function refusalOf(frame: ServerFrame, eventType?: string): SemanticEventsClientError {
  const { code, message, reason, id } = frame;
  return new SemanticEventsClientError(String(code).slice(0, MAX_CODE_LENGTH), {
    message: textOf(message),
    reason: textOf(reason),
    retryAfter: retryAfterOf(frame),
    eventId: id as string | undefined,
    eventType,
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH) : undefined;
}
