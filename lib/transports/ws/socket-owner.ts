import type { RawData } from 'ws';
import type { Code } from '../../protocol/index.js';

/** The owner of a socket. Its methods run before event listeners. Listeners would cost memory for each socket. */
export interface SocketOwner {
  received?(data: RawData, isBinary: boolean): void;
  pinged?(data: Buffer): void;
  ponged?(): void;
  /** Called once, when a message, finished or not, exceeds the size limit for unauthenticated clients. */
  tooLarge?(): void;
  /** Called with the number of continuation frames in the chunk that was just read. */
  fragments?(count: number): void;
  /** Charges the compression of a message that the socket sends. @returns false if it must leave uncompressed */
  mayCompress?(bytes: number): boolean;
  /** Called when too many bytes are queued, to write the bytes that still wait for the end of the turn. */
  flush?(): void;
  /** Called before the socket closes, so that the owner handles the messages that arrived before. */
  ending?(): void;
  /** Called when the socket itself has begun to close. @param reason the reason for operators */
  closing(code: Code, reason: string): void;
  /** Returns the close code and its reason for a library that closes without them. */
  closesWith?(): [code?: number, reason?: Code];
  /** @param reason the close code */
  closed?(reason: number): void;
}
