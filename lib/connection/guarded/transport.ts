import type { FrameForm } from '../../event/index.js';
import type { SubscriptionOutlet } from '../../mesh/index.js';
import type { Code, RefusalDetails, ServerFrame } from '../../protocol/index.js';

/** Sends refusals to a client. */
export interface RefusalSender {
  sendRefusal(code: Code, details: RefusalDetails, form: FrameForm): void;
}

/**
 * The interface of a connection to its WebSocket library: ws or Socket.IO. A transport translates callbacks of the library into
 * calls of `Connection`, and calls of the connection into those of the library. It makes no decisions.
 */
export interface Transport<Message> extends RefusalSender {
  /** Whether the server can still send to the client. */
  readonly isOpen: boolean;
  /** Whether reading is paused. */
  readonly isPaused: boolean;
  /** Whether messages arrive although reading is paused. A polling client cannot be paused. */
  readonly ignoresPause: boolean;
  /** Whether messages of the client may have arrived compressed. */
  readonly inflates: boolean;
  /** Whether the library itself pings the client. */
  readonly hasOwnHeartbeat: boolean;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  pause(): void;
  resume(): void;
  /** Decodes a message, and passes it to the dispatcher. Never throws. */
  decode(message: Message): void;
  /** Sends a frame for the connection as a whole. */
  sendFrame(frame: ServerFrame): void;
  /** Sends the reason for the end of the connection. */
  sendEnd(code: Code, details: RefusalDetails): void;
  /** Lifts the size limit for unauthenticated clients. */
  liftSizeLimit(): void;
  ping(): void;
  /**
   * Closes the connection after the queued frames are sent.
   *
   * @param closeCode a WebSocket close code
   */
  close(closeCode: number | undefined, reason: Code): void;
  /** Ends the connection at once. */
  drop(): void;
}

/** A path for frames to and from one client: its WebSocket, or one of its Socket.IO namespaces. */
export interface Channel extends SubscriptionOutlet, RefusalSender {
  /** Answers a frame of this channel with a refusal. */
  refuse(code: Code, details?: RefusalDetails, form?: FrameForm, eventType?: string): void;
}
