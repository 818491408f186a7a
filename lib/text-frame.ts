const FINAL_TEXT = 0x81;
const MAX_SHORT = 125;
const MAX_MEDIUM = 0xffff;

// Text messages of a server (RFC 6455, section 5.2): one unmasked frame, in one buffer with its header. ws creates two
// chunks for it. One buffer needs one write, and it can be sent to many clients.

export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = newFrame(length);
  frame.write(text, frame.length - length);
  return frame;
}

/** Returns the text of a frame, in UTF-8. */
export function textIn(frame: Buffer): Buffer {
  const short = frame.readUInt8(1);
  return frame.subarray(short <= MAX_SHORT ? 2 : short === 126 ? 4 : 10);
}

/** Creates frames of a text that differs in one place for each client. */
export class FrameMould {
  private parts: { readonly head: Buffer; readonly tail: Buffer } | undefined;
  private isUsed = false;
  private spare: Buffer | undefined;

  constructor(
    private readonly head: string,
    private readonly tail: string,
  ) {}

  /** @param ascii the text in that place */
  frameWith(ascii: string): Buffer {
    if (!this.isUsed) {
      // Most events for one user have one frame: it needs no copies of its parts.
      this.isUsed = true;
      return textFrame(this.head + ascii + this.tail);
    }
    const { head, tail } = (this.parts ??= {
      head: Buffer.from(this.head),
      tail: Buffer.from(this.tail),
    });
    const length = head.length + ascii.length + tail.length;
    let frame = this.spare;
    this.spare = undefined;
    if (frame?.length !== sizeOf(length)) {
      frame = newFrame(length);
      head.copy(frame, frame.length - length);
      tail.copy(frame, frame.length - tail.length);
    }
    frame.write(ascii, frame.length - tail.length - ascii.length, 'latin1');
    return frame;
  }

  /** Returns a sent frame: the next frame may reuse its memory. */
  takeBack(frame: Buffer): void {
    this.spare = frame;
  }
}

/** Allocates a frame with its header; the text fills the rest. */
function newFrame(length: number): Buffer {
  const frame = Buffer.allocUnsafe(sizeOf(length));
  frame.writeUInt8(FINAL_TEXT);
  if (length <= MAX_SHORT) frame.writeUInt8(length, 1);
  else if (length <= MAX_MEDIUM) {
    frame.writeUInt8(126, 1);
    frame.writeUInt16BE(length, 2);
  } else {
    frame.writeUInt8(127, 1);
    frame.writeUInt16BE(0, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  return frame;
}

function sizeOf(length: number): number {
  return length + (length <= MAX_SHORT ? 2 : length <= MAX_MEDIUM ? 4 : 10);
}
