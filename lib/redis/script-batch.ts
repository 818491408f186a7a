import { Deferred } from './deferred.js';
import type { RedisLink, RedisReply } from './redis-link.js';
import { RedisUnavailableError } from './redis-unavailable.error.js';
import { isOutage } from './reply-errors.js';
import type { Script } from './script.js';

type Argument = string | number;

/** Calls without an answer, beyond which new ones are refused: more wait than can be answered in time. */
export const MAX_UNANSWERED = 50_000;

/** One run of a script. Until it is sent, it can still become part of a larger step. */
export class ScriptCall {
  private readonly answer = new Deferred<unknown>();
  readonly reply = this.answer.promise;
  isSent = false;

  constructor(
    public script: Script,
    public keys: readonly string[],
    public args: readonly Argument[],
  ) {}

  resolve(reply: unknown): void {
    this.answer.resolve(reply);
  }

  reject(error: Error): void {
    this.answer.reject(error);
  }
}

/**
 * Sends all calls of one turn of the event loop in one write. The turn ends with setImmediate, after everything
 * that was read from all sockets has been looked at, guards that await each other included.
 */
export class ScriptBatch {
  private waiting: ScriptCall[] = [];
  private unanswered = 0;

  constructor(private readonly link: RedisLink) {}

  /** @throws RedisUnavailableError by rejecting */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.add(script, keys, args).reply;
  }

  /** Like `run`, at once: ahead of all that waits for the end of the turn. */
  async runFirst(script: Script, keys: string[], args: Argument[]): Promise<unknown> {
    const call = new ScriptCall(script, keys, args);
    settle([call], await this.exchange([call], new Set([script])), this.link);
    return call.reply;
  }

  /** Like `run`, for who may have something to add before the call is sent. */
  add(script: Script, keys: readonly string[], args: readonly Argument[]): ScriptCall {
    const call = new ScriptCall(script, keys, args);
    if (this.unanswered >= MAX_UNANSWERED) {
      call.reject(new RedisUnavailableError('too many calls wait for an answer'));
      call.isSent = true;
      return call;
    }
    this.unanswered++;
    if (this.waiting.length === 0) setImmediate(this.flush);
    this.waiting.push(call);
    return call;
  }

  private readonly flush = (): void => {
    const calls = this.waiting;
    this.waiting = [];
    for (const call of calls) call.isSent = true;
    void this.send(calls)
      .catch((error: unknown) => {
        for (const call of calls) call.reject(error as Error);
      })
      .finally(() => {
        this.unanswered -= calls.length;
      });
  };

  private async send(calls: readonly ScriptCall[]): Promise<void> {
    const replies = await this.exchange(calls, new Set());
    const unknown = calls.filter((_, index) => isUnknownScript(replies[index]));
    settle(calls, replies, this.link);
    if (unknown.length === 0) return;
    // Redis was restarted or has flushed its scripts. Nothing of these calls was carried out.
    const missing = new Set(unknown.map(({ script }) => script));
    settle(unknown, await this.exchange(unknown, missing), this.link);
  }

  /** @param missing scripts to be sent in full, the first time each is called */
  private exchange(calls: readonly ScriptCall[], missing: Set<Script>): Promise<RedisReply[]> {
    return this.link.exchange(pipeline => {
      for (const { script, keys, args } of calls) {
        if (missing.delete(script)) pipeline.eval(script.lua, keys.length, ...keys, ...args);
        else pipeline.evalsha(script.sha, keys.length, ...keys, ...args);
      }
    });
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
    call.reject(new RedisUnavailableError(error.message, error));
  });
}

function isUnknownScript(reply: RedisReply | undefined): boolean {
  return reply?.[0]?.message.startsWith('NOSCRIPT') ?? false;
}
