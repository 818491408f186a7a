import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { TextFrame } from '../../lib/text-frame.js';

// Which @types/ws does not know.
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable };

/** What a client of ws reads, which takes no frame that is masked, cut short or too long. */
function read(...frames: TextFrame[]): string[] {
  const receiver = new Receiver({ isServer: false });
  const texts: string[] = [];
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    texts.push(isBinary ? 'binary' : data.toString());
  });
  for (const { bytes } of frames) receiver.write(bytes);
  return texts;
}

const LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];

describe('a text frame', () => {
  it.each(LENGTHS)('of %d bytes is read as the text it was made of, and so is the next', length => {
    const text = 'x'.repeat(length);
    expect(read(TextFrame.of(text), TextFrame.of('next'))).toEqual([text, 'next']);
  });

  it.each(['ü'.repeat(63), '漢'.repeat(42), '😀'.repeat(32), '\u{10ffff}\u0000"\\'])(
    'counts bytes, not characters: %j',
    text => {
      expect(read(TextFrame.of(text), TextFrame.of('next'))).toEqual([text, 'next']);
    },
  );

  it.each(LENGTHS)('around %d bytes is the frame of the whole text', length => {
    const [head, ascii, tail] = ['{"ä":"', 'x'.repeat(length), '"}€'];
    const frame = TextFrame.around(Buffer.from(head), ascii, Buffer.from(tail));
    expect(frame.bytes.equals(TextFrame.of(head + ascii + tail).bytes)).toBe(true);
    expect(String(frame)).toBe(head + ascii + tail);
  });
});
