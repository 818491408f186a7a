const FINAL_TEXT = 0x81;
const MAX_SHORT = 125;
const MAX_MEDIUM = 0xffff;

// Text messages as they leave a server (RFC 6455, section 5.2): one frame, not masked, in one piece with its header.
// That is one write where ws makes two chunks of it, and one that is made once can be sent to many.

export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = newFrame(length);
  frame.write(text, frame.length - length);
  return frame;
}

/** The frame of a text that differs in one place only from what others are sent. @param ascii what is in that place */
export function textFrameAround(head: Buffer, ascii: string, tail: Buffer): Buffer {
  const length = head.length + ascii.length + tail.length;
  const frame = newFrame(length);
  head.copy(frame, frame.length - length);
  frame.write(ascii, frame.length - tail.length - ascii.length, 'latin1');
  tail.copy(frame, frame.length - tail.length);
  return frame;
}

/** With its header; the text takes up the rest. */
function newFrame(length: number): Buffer {
  const frame = Buffer.allocUnsafe(
    length + (length <= MAX_SHORT ? 2 : length <= MAX_MEDIUM ? 4 : 10),
  );
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
