// A WebSocket client that prints each received frame, and violations of their order (RFC 6455, section 5.4).
import { randomBytes } from 'node:crypto';
import net from 'node:net';

/** Returns a masked text frame, as a client sends it. */
export function frame(text) {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 255]);
  // A mask of zeros does not change the payload.
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), payload]);
}

export class Raw {
  frames = [];
  problems = [];
  #rest = Buffer.alloc(0);
  #isInMessage = false;

  static async open({ port, path = '/x', host = '127.0.0.1' }) {
    const socket = net.connect(port, host);
    await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
    const raw = new Raw(socket);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    await raw.opened;
    return raw;
  }

  constructor(socket) {
    this.socket = socket;
    this.opened = new Promise(done => {
      let head = Buffer.alloc(0);
      socket.on('data', chunk => {
        if (head === undefined) return this.#read(chunk);
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return undefined;
        const rest = head.subarray(end + 4);
        head = undefined;
        done();
        return this.#read(rest);
      });
    });
    socket.on('error', () => undefined);
  }

  text(message) {
    this.socket.write(frame(JSON.stringify(message)));
  }

  #read(chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const bytes = this.#rest;
      if (bytes.length < 2) return;
      let length = bytes[1] & 0x7f;
      let at = 2;
      if (length === 126) [length, at] = [bytes.length < 4 ? Infinity : bytes.readUInt16BE(2), 4];
      else if (length === 127) {
        [length, at] = [bytes.length < 10 ? Infinity : Number(bytes.readBigUInt64BE(2)), 10];
      }
      if (bytes.length < at + length) return;
      const fin = (bytes[0] & 0x80) !== 0;
      const opcode = bytes[0] & 0x0f;
      this.#check(opcode, fin);
      this.frames.push({ opcode, fin, payload: bytes.toString('utf8', at, at + length) });
      this.#rest = bytes.subarray(at + length);
    }
  }

  #check(opcode, fin) {
    if (opcode >= 8) return;
    if (opcode === 0 && !this.#isInMessage) this.problems.push('a continuation of no message');
    if (opcode !== 0 && this.#isInMessage) {
      this.problems.push(`a frame of opcode ${opcode} within a fragmented message`);
    }
    this.#isInMessage = !fin;
  }
}
