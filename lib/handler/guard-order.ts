import type { CanActivate, Type } from '@nestjs/common';
import { markHandler } from './handler-marks.js';
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
const names = new WeakMap<Guard, string>();

/**
 * Attaches a guard before those of the application, and sorts it by rank among the guards of this library.
 *
 * @param name the decorator, for errors
 */
export function UseRankedGuard(
  rank: GuardRank,
  guard: Guard,
  name: string,
): ClassDecorator & MethodDecorator {
  ranks.set(guard, rank);
  names.set(guard, name);
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subject = (descriptor?.value ?? target) as object;
    if (key !== undefined)
      markHandler(target, key, {
        name,
        isOn: handler => attachedTo(handler).includes(guard),
        isReplacedOn: (handler, gateway) =>
          [handler, gateway].some(one => attachedTo(one).some(other => isLike(other, guard))),
      });
    const attached = attachedTo(subject);
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
  return attachedTo(target).filter(guard => ranks.get(guard) === rank);
}

/** Returns whether a class has guards of this library. */
export function isGuarded(target: object): boolean {
  return attachedTo(target).some(guard => ranks.has(guard));
}

/** Returns whether a guard protects in the way of another one, with options of its own. */
function isLike(guard: Guard, other: Guard): boolean {
  const [rank, otherRank] = [ranks.get(guard), ranks.get(other)];
  if (rank === GuardRank.Authorization && names.get(guard) === '@SecureGateway()') return false;
  return rank === otherRank || (isRateLimit(rank) && isRateLimit(otherRank));
}

function isRateLimit(rank: GuardRank | undefined): boolean {
  return rank === GuardRank.RateLimit || rank === GuardRank.SharedRateLimit;
}

function attachedTo(target: object): Guard[] {
  return (Reflect.getMetadata(GUARDS_METADATA, target) ?? []) as Guard[];
}

const guarded = new WeakMap<object, Map<GuardRank, boolean>>();

/**
 * Returns whether a guard of this library is attached to a handler itself. The result is cached, because all decorators
 * have run.
 */
export function hasGuard(handler: object, rank: GuardRank): boolean {
  const known = guarded.get(handler)?.get(rank);
  if (known !== undefined) return known;
  const answer = guardsOf(handler, rank).length > 0;
  guarded.set(handler, (guarded.get(handler) ?? new Map<GuardRank, boolean>()).set(rank, answer));
  return answer;
}
