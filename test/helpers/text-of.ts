import * as ws from 'ws';
import type { Writable } from 'node:stream';

// Which @types/ws does not know.
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable };

/** The messages a client of ws reads in frames, which takes none that is masked, cut short or too long. */
export function textsOf(...frames: Buffer[]): string[] {
  const receiver = new Receiver({ isServer: false });
  const texts: string[] = [];
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    texts.push(isBinary ? 'binary' : data.toString());
  });
  for (const frame of frames) receiver.write(frame);
  return texts;
}

/** The text of a message, made ready or not. */
export function textOf(message: string | Buffer): string {
  return typeof message === 'string' ? message : textsOf(message).join();
}
