import type { CanActivate, Type } from '@nestjs/common';
import { GUARDS_METADATA } from './nest-metadata.js';

/** The order in which the guards of this library run, independent of the order of their decorators. */
export enum GuardRank {
  Authenticated,
  RateLimit,
  /** After the rate limit: an event that the limit rejects keeps its nonce. */
  Signature,
  /** After the signature: an authorization needs a verified event. */
  Authorization,
  /** After the authorization: a client without the right must not use up a limit that other clients share. */
  SharedRateLimit,
}

type Guard = Type<CanActivate>;

const ranks = new WeakMap<Guard, GuardRank>();

/** Attaches a guard before those of the application, and sorts it by rank among the guards of this library. */
export function UseRankedGuard(rank: GuardRank, guard: Guard): ClassDecorator & MethodDecorator {
  ranks.set(guard, rank);
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subject = (descriptor?.value ?? target) as object;
    const attached = (Reflect.getMetadata(GUARDS_METADATA, subject) ?? []) as Guard[];
    const guards = [...attached.filter(other => other !== guard), guard];
    const rankOf = (other: Guard) => ranks.get(other) ?? Infinity;
    Reflect.defineMetadata(
      GUARDS_METADATA,
      guards.sort((a, b) => (rankOf(a) === rankOf(b) ? 0 : rankOf(a) - rankOf(b))),
      subject,
    );
  };
}

/** Returns the guards of this library with a rank that are attached to a gateway or a handler. */
export function guardsOf(target: object, rank: GuardRank): readonly Guard[] {
  const guards = (Reflect.getMetadata(GUARDS_METADATA, target) ?? []) as Guard[];
  return guards.filter(guard => ranks.get(guard) === rank);
}

const guarded = new WeakMap<object, Map<GuardRank, boolean>>();

/**
 * Returns whether a guard of this library is attached to a handler itself. The result is cached, because all decorators
 * have run.
 */
export function hasGuard(handler: object, rank: GuardRank): boolean {
  const known = guarded.get(handler)?.get(rank);
  if (known !== undefined) return known;
  const guards = (Reflect.getMetadata(GUARDS_METADATA, handler) ?? []) as Guard[];
  const answer = guards.some(guard => ranks.get(guard) === rank);
  guarded.set(handler, (guarded.get(handler) ?? new Map<GuardRank, boolean>()).set(rank, answer));
  return answer;
}
