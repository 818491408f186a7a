import type { Logger } from '@nestjs/common';
import { DefaultEventAuthorizer, type EventAuthorizer } from '../auth/index.js';
import type { Client } from '../connection/index.js';
import { isVerdict, RefusalException } from '../handler/index.js';
import { after, inTime, isThenable, type MaybePromise, recovering } from '../maybe-promise.js';
import { logUnexpected, thrown } from '../monitoring/index.js';
import type { ResolvedOptions } from '../options/index.js';
import { isInstance, RefusalError } from '../protocol/index.js';
import { BEGINNING, cursorBefore } from './cursor.js';
import type { CursorSeal } from './cursor-seal.js';
import type { KnownRights, LookUp } from './known-rights.js';

/** Returns the name of the right to a room. Patterns have no control characters, so the name is never a pattern. */
const nameOf = (room: string) => `\nroom ${room}`;

/** A decision that a withdrawal has overtaken. */
const OUTDATED = Symbol('outdated');

/** Why a right is looked up. */
interface Check {
  readonly since?: string;
  readonly isWanted?: () => boolean;
}

interface Question extends Check {
  readonly client: Client;
  readonly right: string;
  readonly method: 'canSubscribe' | 'canJoin';
  readonly authorize: () => unknown;
}

const userOf = ({ user }: Client) => String(user?.id);

/** Decides who may listen to which events, by the `EventAuthorizer`, and from which position of the log. */
export class ListeningRights {
  constructor(
    private readonly options: ResolvedOptions,
    private readonly authorizer: EventAuthorizer,
    private readonly cursors: CursorSeal,
    private readonly known: KnownRights,
    private readonly logger: Logger,
  ) {}

  /** Whether the authorizer may allow a client to receive public events. */
  get isOpen(): boolean {
    const { allow } = this.options.mesh;
    // A subclass of the default authorizer may allow more.
    if (!this.isDefault) return true;
    return typeof allow === 'function' || allow.length > 0;
  }

  /**
   * Returns the cursor since which a client has the right to a pattern, or undefined if it has none.
   *
   * @param check `since`: the cursor since which the client has had the right until now; `isWanted`: whether the caller still
   * needs the right. If not, nothing is granted
   * @throws RefusalError `UNAVAILABLE` if the authorizer fails or times out. A promise rejects
   */
  toPattern(client: Client, pattern: string, check: Check = {}): MaybePromise<string | undefined> {
    const authorize = () => this.authorizer.canSubscribe(client, pattern);
    return this.decide({ ...check, client, right: pattern, method: 'canSubscribe', authorize });
  }

  /** Returns the cursor since which a client has the right to a room, like `toPattern`. */
  toRoom(client: Client, room: string, check: Check = {}): MaybePromise<string | undefined> {
    // An authorizer written in JavaScript may not extend the class, and so have no canJoin().
    const authorize = () => (this.authorizer as Partial<EventAuthorizer>).canJoin?.(client, room);
    return this.decide({ ...check, client, right: nameOf(room), method: 'canJoin', authorize });
  }

  /** Returns why a client may not subscribe to a pattern, for operators. */
  whyNoPattern(pattern: string): string {
    return this.isDefault
      ? `mesh.allow does not cover ${pattern}`
      : `EventAuthorizer.canSubscribe: ${pattern}`;
  }

  /** Returns why a client may not join a room, for operators. */
  get whyNoRoom(): string {
    return this.isDefault
      ? 'the application has no EventAuthorizer with canJoin'
      : 'EventAuthorizer.canJoin refuses the room';
  }

  /** Removes the right to a room from the log. The next right to it begins later. */
  forgetRoom(client: Client, room: string): void {
    this.known.withdraw(userOf(client), nameOf(room));
  }

  private decide(question: Question): MaybePromise<string | undefined> {
    const lookUp = this.known.begin(userOf(question.client), question.right);
    const granted = recovering(
      () => after(this.ask(question), decision => this.granted(question, decision, lookUp)),
      error => {
        this.known.end(lookUp);
        throw error;
      },
    );
    return after(granted, since => {
      this.known.end(lookUp);
      return since === OUTDATED ? this.decide(question) : since;
    });
  }

  /** Calls the authorizer. @throws RefusalError `UNAVAILABLE` if it fails or times out */
  private ask({ method, authorize }: Question): MaybePromise<unknown> {
    const name = `EventAuthorizer.${method}`;
    return recovering<unknown>(
      () => {
        const decision = authorize();
        if (!isThenable(decision)) return decision;
        return inTime(decision, this.options.auth.timeout, 'EventAuthorizer does not answer');
      },
      error => {
        if (isVerdict(error)) return false;
        if (RefusalError.is(error) || isInstance(error, RefusalException))
          throw new RefusalError('UNAVAILABLE', {
            reason: error.reason ?? `${name}: ${error.code}`,
          });
        logUnexpected(this.logger, error, undefined, undefined, name);
        throw new RefusalError('UNAVAILABLE', { reason: `${name}: ${thrown(error)}` });
      },
    );
  }

  /**
   * Returns the cursor since which a decision grants the right. If the decision has no time, the right begins with its first
   * use, because the user may not have had it earlier. A list of patterns in `mesh.allow` applies to the whole history.
   */
  private granted(
    { since, isWanted = () => true }: Question,
    decision: unknown,
    lookUp: LookUp,
  ): MaybePromise<string | undefined | typeof OUTDATED> {
    if (this.isAllowedToAll) return decision === true ? BEGINNING : this.startOf(decision);
    const from = decision === true ? undefined : this.startOf(decision);
    if (decision !== true && from === undefined) {
      this.known.withdraw(lookUp.user, lookUp.right);
      return undefined;
    }
    if (!isWanted()) return undefined;
    // The right was withdrawn after the authorizer was called. The log must not get it back.
    if (lookUp.isOutdated) return OUTDATED;
    return from ?? after(this.known.grant(lookUp, since), cursor => cursor ?? OUTDATED);
  }

  /** Returns the start of a right from the `since` of a decision. Anything but a time or a cursor denies the right. */
  private startOf(decision: unknown): string | undefined {
    const { since } = (decision ?? {}) as { since?: unknown };
    if (typeof since === 'string') return this.cursors.open(since);
    if (!(since instanceof Date) || Number.isNaN(since.getTime())) return undefined;
    return cursorBefore(since.getTime());
  }

  private get isAllowedToAll(): boolean {
    return typeof this.options.mesh.allow !== 'function' && this.isDefault;
  }

  private get isDefault(): boolean {
    return this.authorizer.constructor === DefaultEventAuthorizer;
  }
}
