import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EventSigner, type PurposeKeys } from '../signing/index.js';
import { BEGINNING, cursorOf, parseCursor } from './cursor.js';

/** The maximum length of a cursor from a client, in characters. */
export const MAX_CURSOR_LENGTH = 64;

const INFO = 'semantic-events/v1/cursor';
const ALGORITHM = 'aes-256-gcm';
/** A sealed cursor: nonce, encrypted place and tag in base64url. */
const SEALED = /^[A-Za-z0-9_-]{54}$/;
/** Bytes of the nonce. AES-GCM must not use a nonce twice with one key (NIST SP 800-38D). */
const NONCE = 12;
/** The number of nonces to draw at once: one call of the generator costs as much as the encryption. */
const NONCES_AT_ONCE = 256;
/** Bytes of a place: 3 of the epoch, 6 of the time, 3 of the number. */
const PLACE = 12;

/**
 * Encrypts cursors for clients. A readable cursor would show how many events the whole system publishes. Each cursor has a
 * random nonce, so that equal places have different cursors.
 */
@Injectable()
export class CursorSeal {
  private readonly keys: PurposeKeys;
  private readonly nonces = Buffer.alloc(NONCE * NONCES_AT_ONCE);
  private nextNonce = this.nonces.length;

  constructor(signer: EventSigner) {
    this.keys = signer.purposeKeys(INFO);
  }

  /**
   * Encrypts a cursor of the log.
   *
   * @throws RefusalError `UNAVAILABLE` if no key of the ring is in force
   */
  seal(cursor: string): string {
    const nonce = this.nonce();
    const cipher = createCipheriv(ALGORITHM, this.keys.current.key, nonce);
    const place = Buffer.concat([cipher.update(bytesOf(cursor)), cipher.final()]);
    return Buffer.concat([nonce, place, cipher.getAuthTag()]).toString('base64url');
  }

  /** Decrypts a client's cursor. @returns `BEGINNING` for a text that no key in force has sealed */
  open(text: string): string {
    if (!SEALED.test(text)) return BEGINNING;
    const sealed = Buffer.from(text, 'base64url');
    for (const { key } of this.keys.inForce()) {
      const place = opened(sealed, key);
      if (place) return cursorFrom(place);
    }
    return BEGINNING;
  }

  private nonce(): Buffer {
    if (this.nextNonce === this.nonces.length) {
      randomFillSync(this.nonces);
      this.nextNonce = 0;
    }
    return this.nonces.subarray(this.nextNonce, (this.nextNonce += NONCE));
  }
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
