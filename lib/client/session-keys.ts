import type { SemanticEvent } from '../event/semantic-event.js';
import { canonicalJson } from './canonical-json.js';

/** `signing` of `auth_success`, as PROTOCOL.md has it. */
export interface SigningFrame {
  key_id: string;
  key: string;
  broadcast?: { scheme: string; key_id: string; public_key: string };
}

export type SessionKeys = Awaited<ReturnType<typeof importKeys>>;

const SIGNATURE = /^(v1e?)\.([\w-]{1,64})\.([\w-]+)$/;

/** The keys of one connection: what it signs with, and what it believes. */
export async function importKeys({ key_id, key, broadcast }: SigningFrame) {
  const { subtle } = crypto;
  const hmac = await subtle.importKey(
    'raw',
    bytesOf(key),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  );
  const broadcastKey =
    broadcast?.scheme === 'v1e' &&
    (await subtle
      .importKey('raw', bytesOf(broadcast.public_key), 'Ed25519', false, ['verify'])
      // Not every browser has Ed25519 yet.
      .catch(() => undefined));

  return {
    /** Whether deliveries signed once for all subscribers can be verified. */
    canVerifyBroadcasts: !!broadcastKey,
    /** The JSON of an event that has no signature yet, with it: what is signed is what is sent, letter by letter. */
    async seal(event: SemanticEvent): Promise<string> {
      const text = canonicalJson(event);
      const mac = new Uint8Array(await subtle.sign('HMAC', hmac, utf8(`v1.c2s.${text}`)));
      return `${text.slice(0, -1)},"semanticsignature":"v1.${key_id}.${base64Url(mac)}"}`;
    },
    /**
     * Whether an event comes from the server.
     *
     * @param isDelivery whether it was sent to a subscription; only these may be signed for all subscribers at once
     * @throws what it cannot be read for
     */
    async verify(event: SemanticEvent, isDelivery: boolean): Promise<boolean> {
      const { semanticsignature = '', ...signed } = event;
      const [, scheme, keyId, mac = ''] = SIGNATURE.exec(semanticsignature) ?? [];
      const [expectedId, by] =
        scheme === 'v1' ? [key_id, hmac] : [broadcast?.key_id, isDelivery && broadcastKey];
      if (!by || keyId !== expectedId) return false;
      const text = `${scheme}.s2c.${canonicalJson(signed)}`;
      return subtle.verify(by.algorithm.name, by, bytesOf(mac), utf8(text));
    },
  };
}

export function utf8(text: string) {
  return new TextEncoder().encode(text);
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function bytesOf(base64Url: string) {
  const binary = atob(base64Url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, character => character.charCodeAt(0));
}
