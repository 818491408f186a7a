const FIN = 0x80;
const OPCODE = 0x0f;
const LENGTH = 0x7f;
/** The first opcode of the control frames, which may arrive within a message (RFC 6455, section 5.4). */
const FIRST_CONTROL = 8;
const CONTINUATION = 0;
const CLOSE = 8;
/** The maximum size of the header of a client frame, in bytes. */
const LONGEST_HEADER = 14;

/** Parses the frame headers in the stream of a client (RFC 6455, section 5.2). */
export class FrameHeaders {
  /** The size of the largest message that a frame of the last chunk began or continued. */
  largest = 0;
  /** The number of continuation frames in the last chunk. */
  fragments = 0;
  /** Whether a close frame has arrived. */
  hasClose = false;

  /** An incomplete header, which ends in a later chunk. */
  private header: Buffer | undefined;
  /** Payload bytes of the current frame that have not arrived yet. */
  private rest = 0;
  /** The announced size of the message so far, in bytes. */
  private message = 0;

  read(chunk: Buffer): void {
    this.largest = 0;
    this.fragments = 0;
    let bytes = chunk;
    if (this.header) {
      bytes = Buffer.concat([this.header, chunk]);
      this.header = undefined;
    }
    let at = 0;
    while (at < bytes.length) {
      const skipped = Math.min(this.rest, bytes.length - at);
      this.rest -= skipped;
      at += skipped;
      if (at === bytes.length) return;
      const end = at + headerSize(bytes, at);
      if (end > bytes.length) {
        // Copy these few bytes, so that they do not keep the whole chunk in memory.
        this.header = Buffer.from(bytes.subarray(at, at + LONGEST_HEADER));
        return;
      }
      this.begin(bytes, at);
      at = end;
    }
  }

  /** Reads a complete header. */
  private begin(bytes: Buffer, at: number): void {
    const first = bytes.readUInt8(at);
    this.rest = payloadSize(bytes, at);
    const opcode = first & OPCODE;
    if (opcode === CLOSE) this.hasClose = true;
    if (opcode >= FIRST_CONTROL) return;
    if (opcode === CONTINUATION) this.fragments++;
    const size = this.message + this.rest;
    this.message = first & FIN ? 0 : size;
    this.largest = Math.max(this.largest, size);
  }
}

/** Returns the size of a header, of which only a part may have arrived. Clients always send a mask. */
function headerSize(bytes: Buffer, at: number): number {
  if (at + 1 >= bytes.length) return 2;
  const length = bytes.readUInt8(at + 1) & LENGTH;
  return length === 127 ? LONGEST_HEADER : length === 126 ? 8 : 6;
}

function payloadSize(bytes: Buffer, at: number): number {
  const length = bytes.readUInt8(at + 1) & LENGTH;
  if (length < 126) return length;
  if (length === 126) return bytes.readUInt16BE(at + 2);
  return bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
}
