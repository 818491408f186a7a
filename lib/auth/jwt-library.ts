import type { Provider } from '@nestjs/common';
import { type ResolvedOptions, SEMANTIC_EVENTS_OPTIONS } from '../options/index.js';
import { optionalPackage } from '../start-up/index.js';

/** The part of the `JwtService` of @nestjs/jwt that this library uses. */
export interface JwtLibrary {
  verify(token: string, options: object): Record<string, unknown>;
}

/** DI token of a `JwtLibrary`; null if `auth.jwt` is not used. */
export const JWT_LIBRARY = Symbol('JWT_LIBRARY');

/** Loads @nestjs/jwt only if `auth.jwt` needs it. */
export const JWT_LIBRARY_PROVIDER: Provider = {
  provide: JWT_LIBRARY,
  inject: [SEMANTIC_EVENTS_OPTIONS],
  useFactory: async ({ auth }: ResolvedOptions): Promise<JwtLibrary | null> => {
    if (!auth.jwt) return null;
    const need = { name: '@nestjs/jwt', neededBy: 'auth.jwt' };
    const { JwtService } = await optionalPackage(() => import('@nestjs/jwt'), need);
    return new JwtService({});
  },
};
