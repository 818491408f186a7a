const FINAL_TEXT = 0x81;
const MAX_SHORT = 125;
const MAX_MEDIUM = 0xffff;

/**
 * A text message as it leaves a server (RFC 6455, section 5.2): one frame, not masked, in one piece with its header.
 * That is one write where ws makes two chunks of it, and one that is made once can be sent to many.
 */
export class TextFrame {
  private constructor(
    readonly bytes: Buffer,
    private readonly start: number,
  ) {}

  static of(text: string): TextFrame {
    const frame = TextFrame.withRoomFor(Buffer.byteLength(text));
    frame.bytes.write(text, frame.start);
    return frame;
  }

  /** The frame of a text that differs in one place only from what others are sent. @param ascii what is in that place */
  static around(head: Buffer, ascii: string, tail: Buffer): TextFrame {
    const frame = TextFrame.withRoomFor(head.length + ascii.length + tail.length);
    const at = frame.start + head.length;
    head.copy(frame.bytes, frame.start);
    frame.bytes.write(ascii, at, 'latin1');
    tail.copy(frame.bytes, at + ascii.length);
    return frame;
  }

  private static withRoomFor(length: number): TextFrame {
    const start = length <= MAX_SHORT ? 2 : length <= MAX_MEDIUM ? 4 : 10;
    const bytes = Buffer.allocUnsafe(start + length);
    bytes[0] = FINAL_TEXT;
    if (start === 2) bytes[1] = length;
    else if (start === 4) {
      bytes[1] = 126;
      bytes.writeUInt16BE(length, 2);
    } else {
      bytes[1] = 127;
      bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
      bytes.writeUInt32BE(length % 2 ** 32, 6);
    }
    return new TextFrame(bytes, start);
  }

  /** The text. */
  toString(): string {
    return this.bytes.toString('utf8', this.start);
  }
}
