import * as ws from 'ws';
import type { Writable } from 'node:stream';

// @types/ws does not declare the Receiver.
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable };

/** Reads messages from frames with the receiver of ws, which rejects masked, cut or oversized frames. */
export function textsOf(...frames: Buffer[]): string[] {
  const receiver = new Receiver({ isServer: false });
  const texts: string[] = [];
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    texts.push(isBinary ? 'binary' : data.toString());
  });
  // The text of an invalid frame is missing. Without a listener, its error would end the process.
  receiver.on('error', () => undefined);
  for (const frame of frames) receiver.write(frame);
  return texts;
}

/** Returns the text of a message, framed or not. */
export function textOf(message: string | Buffer): string {
  return typeof message === 'string' ? message : textsOf(message).join();
}
