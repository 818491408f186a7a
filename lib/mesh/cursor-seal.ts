import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { deriveKey, EventSigner, type PurposeKeys } from '../signing/index.js';
import { BEGINNING, cursorOf, parseCursor } from './cursor.js';

/** The maximum length of a cursor from a client, in characters. */
export const MAX_CURSOR_LENGTH = 64;

const INFO = 'semantic-events/v1/cursor';
const ALGORITHM = 'aes-256-gcm';
/** A sealed cursor in base64url: the minute of its key, nonce, encrypted place and tag. */
const SEALED = /^[A-Za-z0-9_-]{59}$/;
/**
 * Milliseconds for which one key encrypts. With random nonces of 96 bits, a key may encrypt 2^32 times (NIST SP 800-38D,
 * section 8.3). All nodes share the keys. They would have to encrypt 71 million cursors a second to reach that in a minute.
 */
const MINUTE = 60_000;
/** Bytes of the number of the minute, in front of the nonce. */
const PREFIX = 4;
/** Bytes of the nonce. AES-GCM must not use a nonce twice with one key. */
const NONCE = 12;
/** The number of nonces to draw at once: one call of the generator costs as much as the encryption. */
const NONCES_AT_ONCE = 256;
/** Bytes of a place: 3 of the epoch, 6 of the time, 3 of the number. */
const PLACE = 12;

/** The key of one minute, and the purpose key that it is derived from. */
interface MinuteKey {
  readonly source: KeyObject;
  readonly minute: number;
  readonly key: KeyObject;
}

/**
 * Encrypts cursors for clients. A readable cursor would show how many events the whole system publishes. Each cursor has a
 * random nonce, so that equal places have different cursors. It shows the minute in which it was encrypted.
 */
@Injectable()
export class CursorSeal {
  private readonly keys: PurposeKeys;
  private readonly nonces = Buffer.alloc(NONCE * NONCES_AT_ONCE);
  private nextNonce = this.nonces.length;
  private latest: MinuteKey | undefined;

  constructor(
    signer: EventSigner,
    private readonly clock: Clock,
  ) {
    this.keys = signer.purposeKeys(INFO);
  }

  /**
   * Encrypts a cursor of the log.
   *
   * @throws RefusalError `UNAVAILABLE` if no key of the ring is in force
   */
  seal(cursor: string): string {
    const { minute, key } = this.current();
    const nonce = this.nonce();
    const cipher = createCipheriv(ALGORITHM, key, nonce);
    const place = cipher.update(bytesOf(cursor));
    // GCM is a stream: `final` returns no bytes, and creates the tag.
    cipher.final();
    const prefix = Buffer.allocUnsafe(PREFIX);
    prefix.writeUInt32BE(minute);
    return Buffer.concat([prefix, nonce, place, cipher.getAuthTag()]).toString('base64url');
  }

  /** Decrypts a client's cursor. @returns `BEGINNING` for a text that no key in force has sealed */
  open(text: string): string {
    if (!SEALED.test(text)) return BEGINNING;
    const bytes = Buffer.from(text, 'base64url');
    const minute = bytes.readUInt32BE();
    const sealed = bytes.subarray(PREFIX);
    for (const { key } of this.keys.inForce()) {
      const place = opened(sealed, keyOf(key, minute));
      if (place) return cursorFrom(place);
    }
    return BEGINNING;
  }

  /** Returns the key of this minute. */
  private current(): MinuteKey {
    const source = this.keys.current.key;
    const minute = Math.max(0, Math.floor(this.clock.now() / MINUTE));
    if (this.latest?.source !== source || this.latest.minute !== minute)
      this.latest = { source, minute, key: keyOf(source, minute) };
    return this.latest;
  }

  private nonce(): Buffer {
    if (this.nextNonce === this.nonces.length) {
      randomFillSync(this.nonces);
      this.nextNonce = 0;
    }
    return this.nonces.subarray(this.nextNonce, (this.nextNonce += NONCE));
  }
}

function keyOf(source: KeyObject, minute: number): KeyObject {
  return deriveKey(source, `${minute}`, INFO);
}

function opened(sealed: Buffer, key: KeyObject): Buffer | undefined {
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE));
  decipher.setAuthTag(sealed.subarray(NONCE + PLACE));
  const place = decipher.update(sealed.subarray(NONCE, NONCE + PLACE));
  try {
    decipher.final();
    return place;
  } catch {
    // The cursor was changed, or another key sealed it.
    return undefined;
  }
}

function bytesOf(cursor: string): Buffer {
  const { epoch, time, number } = parseCursor(cursor) ?? { epoch: '000000', time: 0, number: 0 };
  const bytes = Buffer.allocUnsafe(PLACE);
  bytes.write(epoch, 'hex');
  bytes.writeUIntBE(time, 3, 6);
  bytes.writeUIntBE(number, 9, 3);
  return bytes;
}

function cursorFrom(bytes: Buffer): string {
  const epoch = bytes.toString('hex', 0, 3);
  return cursorOf({ epoch, time: bytes.readUIntBE(3, 6), number: bytes.readUIntBE(9, 3) });
}
