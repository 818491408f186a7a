import type { CanActivate, Type } from '@nestjs/common';
import { GUARDS_METADATA } from './nest-metadata.js';

/** The order in which the guards of this library run, whatever the order of their decorators. */
export enum GuardRank {
  Authenticated,
  RateLimit,
  /** After the rate limit: an event that is refused there has not used up its nonce. */
  Signature,
  /** After the signature: a decision about an event needs an event that can be believed. */
  Authorization,
}

type Guard = Type<CanActivate>;

const ranks = new WeakMap<Guard, GuardRank>();

/** Attaches a guard before those of the application, and among our own by its rank. */
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

const guarded = new WeakMap<object, Map<GuardRank, boolean>>();

/** Whether one of our guards is attached to a handler itself. Decorators have run: the answer stays the same. */
export function hasGuard(handler: object, rank: GuardRank): boolean {
  const known = guarded.get(handler)?.get(rank);
  if (known !== undefined) return known;
  const guards = (Reflect.getMetadata(GUARDS_METADATA, handler) ?? []) as Guard[];
  const answer = guards.some(guard => ranks.get(guard) === rank);
  guarded.set(handler, (guarded.get(handler) ?? new Map<GuardRank, boolean>()).set(rank, answer));
  return answer;
}
