import { generateKeyPairSync } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import type { OidcAlgorithm, ResolvedOptions } from '../options/index.js';
import { SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { SemanticEventsConfigError } from '../protocol/index.js';
import { optionalPackage } from '../start-up/index.js';

/** Returns the key for a token, by its header. */
export type FindKey = (header: object, token: object) => Promise<unknown>;

/** The part of jose that this library uses. Versions 5 and 6 differ in the types of keys only. */
export interface OidcLibrary {
  jwtVerify(
    token: string,
    findKey: FindKey,
    options: object,
  ): Promise<{ payload: Record<string, unknown>; protectedHeader: { typ?: unknown } }>;
  decodeJwt(token: string): Record<string, unknown>;
  decodeProtectedHeader(token: string): { alg?: string; kid?: string };
  createLocalJWKSet(keys: object): FindKey;
  importJWK(key: object, algorithm: string): Promise<unknown>;
}

/** DI token of an `OidcLibrary`; null if `auth.oidc` is not used. */
export const OIDC_LIBRARY = Symbol('OIDC_LIBRARY');

/** Loads jose only if `auth.oidc` needs it. */
export const OIDC_LIBRARY_PROVIDER: Provider = {
  provide: OIDC_LIBRARY,
  inject: [SEMANTIC_EVENTS_OPTIONS],
  useFactory: async ({ auth }: ResolvedOptions): Promise<OidcLibrary | null> => {
    if (!auth.oidc) return null;
    const need = { name: 'jose', neededBy: 'auth.oidc', version: '6' };
    const jose: unknown = await optionalPackage(() => import('jose'), need);
    await assertSupport(jose as OidcLibrary, auth.oidc.algorithms ?? []);
    return jose as OidcLibrary;
  },
};

/** @throws SemanticEventsConfigError if the installed jose cannot verify an algorithm */
async function assertSupport(
  jose: OidcLibrary,
  algorithms: readonly OidcAlgorithm[],
): Promise<void> {
  if (!algorithms.includes('ES256K')) return;
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  try {
    await jose.importJWK(publicKey.export({ format: 'jwk' }), 'ES256K');
  } catch {
    throw new SemanticEventsConfigError([
      'auth.oidc.algorithms has ES256K, which the installed jose does not support: install jose@5',
    ]);
  }
}
