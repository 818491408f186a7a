import { contained } from '../monitoring/index.js';
import { Deferred } from './deferred.js';
import type { RedisLink, RedisReply } from './redis-link.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { isOutage, replyProblem } from './reply-errors.js';
import type { Script } from './script.js';

type Argument = string | number;
/** Arguments, or a function that creates them when the call is sent. */
type Arguments = readonly Argument[] | (() => readonly Argument[]);

/** The maximum number of unanswered calls. Further calls are rejected, because Redis could not answer them in time. */
export const MAX_UNANSWERED = 50_000;

/** One call of a script. */
class ScriptCall {
  private readonly answer = new Deferred<unknown>();
  readonly reply = this.answer.promise;
  private made: readonly Argument[] | undefined;

  constructor(
    readonly script: Script,
    readonly keys: readonly string[],
    private readonly given: Arguments,
  ) {}

  /** The arguments. They are created once, because a call may be sent again. */
  get args(): readonly Argument[] {
    return (this.made ??= typeof this.given === 'function' ? this.given() : this.given);
  }

  resolve(reply: unknown): void {
    this.answer.resolve(reply);
  }

  reject(error: Error): void {
    this.answer.reject(error);
  }
}

/**
 * Sends all calls of one turn of the event loop in one write. It sends them with `setImmediate`, after the data of all sockets
 * and the guards that it starts have been processed.
 */
export class ScriptBatch {
  private waiting: ScriptCall[] = [];
  private unanswered = 0;

  constructor(private readonly link: RedisLink) {}

  /** The number of lost connections, as `RedisLink.generation`. */
  get generation(): number {
    return this.link.generation;
  }

  /** Runs a script with the calls of this turn. @throws RedisUnavailableError by rejecting */
  run(script: Script, keys: readonly string[], args: Arguments): Promise<unknown> {
    const call = new ScriptCall(script, keys, args);
    if (this.unanswered >= MAX_UNANSWERED)
      return Promise.reject(new RedisUnavailableError('too many calls wait for a reply'));
    this.unanswered++;
    if (this.waiting.length === 0) setImmediate(this.flush);
    this.waiting.push(call);
    return call.reply;
  }

  /** Replaces the connection after a reply that the script cannot return. */
  unexpectedReply(): RedisUnavailableError {
    return this.link.unexpectedReply();
  }

  private readonly flush = contained(() => {
    const calls = this.waiting;
    this.waiting = [];
    void this.send(calls)
      .catch((error: unknown) => {
        for (const call of calls) call.reject(error as Error);
      })
      .finally(() => {
        this.unanswered -= calls.length;
      });
  });

  private async send(calls: readonly ScriptCall[]): Promise<void> {
    let unknown = await this.exchange(calls, () => false);
    if (unknown.length === 0) return;
    // Redis was restarted or has flushed its scripts. It has executed none of these calls.
    const missing = new Set(unknown.map(({ script }) => script));
    const { isCluster } = this.link.client;
    // On a cluster each master needs the full script.
    const isFirst = (script: Script) => (isCluster ? missing.has(script) : missing.delete(script));
    unknown = await this.exchange(unknown, isFirst);
    if (unknown.length === 0) return;
    // Redis has rejected the full script, or has flushed its scripts again.
    for (const call of await this.exchange(unknown, () => true))
      call.reject(new RedisUnavailableError('it does not know a script'));
  }

  /** Sends calls, and settles those that Redis knows. @returns the others */
  private async exchange(
    calls: readonly ScriptCall[],
    isFull: (script: Script) => boolean,
  ): Promise<ScriptCall[]> {
    const replies = await this.link.exchangeEach(commands =>
      calls.map(({ script, keys, args }) => {
        // ioredis flattens arrays. A call with 100,000 arguments would exceed the stack.
        const rest = [[...keys, ...args]] as unknown as string[];
        return isFull(script)
          ? commands.eval(script.lua, keys.length, ...rest)
          : commands.evalsha(script.sha, keys.length, ...rest);
      }),
    );
    settle(calls, replies, this.link);
    return calls.filter((_, index) => isUnknownScript(replies[index]));
  }
}

function settle(calls: readonly ScriptCall[], replies: RedisReply[], link: RedisLink): void {
  calls.forEach((call, index) => {
    const reply = replies[index];
    if (isUnknownScript(reply)) return;
    const [error, result] = reply ?? [new Error('no reply'), undefined];
    if (!error) {
      call.resolve(result);
      return;
    }
    if (isOutage(error)) link.fail(error);
    call.reject(new RedisUnavailableError(replyProblem(error), error));
  });
}

function isUnknownScript(reply: RedisReply | undefined): boolean {
  return reply?.[0]?.message.startsWith('NOSCRIPT') ?? false;
}
