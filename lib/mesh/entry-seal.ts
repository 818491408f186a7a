import { Injectable } from '@nestjs/common';
import { computeMac, EventSigner, isMacOf, type PurposeKeys } from '../signing/index.js';
import type { NewEntry } from './event-log.js';

const INFO = 'semantic-events/v1/log-entry';
/** A sealed entry: key id, MAC in base64url, and the text of the event. */
const SEALED = /^([\w-]{1,64})\.([\w-]{43}) (.*)$/s;

/**
 * Authenticates the entries of a shared log. The server signs events of the log for clients. An attacker who can write to the
 * store, but has no signing key, must therefore be unable to add an entry.
 */
@Injectable()
export class EntrySeal {
  private readonly keys: PurposeKeys;

  constructor(signer: EventSigner) {
    this.keys = signer.purposeKeys(INFO);
  }

  /**
   * Returns the entry with a MAC of its channel, type and text.
   *
   * @throws RefusalError `UNAVAILABLE` if no key of the ring is in force
   */
  seal(entry: NewEntry): NewEntry {
    const { id, key } = this.keys.current;
    return { ...entry, text: `${id}.${computeMac(key, inputOf(entry))} ${entry.text}` };
  }

  /** Returns the entry without its MAC, or undefined if no key in force sealed it. */
  open<T extends NewEntry>(entry: T): T | undefined {
    const [, id = '', mac = '', text = ''] = SEALED.exec(entry.text) ?? [];
    const key = this.keys.find(id)?.key;
    const opened = { ...entry, text };
    return key && isMacOf(key, inputOf(opened), mac) ? opened : undefined;
  }
}

function inputOf({ channel, type, text }: NewEntry): string {
  return JSON.stringify([channel, type, text]);
}
