import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { DefaultEventAuthorizer, type EventAuthorizer } from '../../../lib/auth/index.js';
import type { CursorSeal } from '../../../lib/mesh/index.js';
import { BEGINNING, cursorBefore } from '../../../lib/mesh/cursor.js';
import type { EventFeed } from '../../../lib/mesh/event-feed.js';
import { KnownRights } from '../../../lib/mesh/known-rights.js';
import { ListeningRights } from '../../../lib/mesh/listening-rights.js';
import type { MeshOptions } from '../../../lib/options/index.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt } from '../../helpers/ws-context.js';

const TIMEOUT = 1_000;
const alice = clientAt('192.0.2.1', 'alice');
const GRANTED = '00000a.7-0';

describe('ListeningRights', () => {
  let log: LogLine[];
  /** What the log was told, and what happens meanwhile. */
  let calls: unknown[];
  let whileGranting: () => void;
  let known: KnownRights;
  let rights: ListeningRights;

  const start = (
    authorizer: Partial<EventAuthorizer> | 'default',
    allow: MeshOptions['allow'] = [],
  ) => {
    const options = resolvedOptions({
      auth: { validateToken: () => null, timeout: TIMEOUT },
      mesh: { allow },
    });
    known = new KnownRights({
      grant: (...given: unknown[]) => {
        calls.push(['grant', ...given]);
        whileGranting();
        return GRANTED;
      },
      withdraw: (...given: unknown[]) => void calls.push(['withdraw', ...given]),
    } as unknown as EventFeed);
    rights = new ListeningRights(
      options,
      authorizer === 'default'
        ? new DefaultEventAuthorizer(options)
        : (authorizer as EventAuthorizer),
      { open: (text: string) => `opened ${text}` } as CursorSeal,
      known,
      new Logger('test'),
    );
  };
  const answering = (answer: unknown) => {
    const decide = () => answer as true;
    start({ canSubscribe: decide, canJoin: decide });
  };

  beforeEach(() => {
    log = captureLog();
    calls = [];
    whileGranting = () => undefined;
  });

  it('never allows public events if the default authorizer has no patterns', () => {
    const isOpen = (...given: Parameters<typeof start>) => {
      start(...given);
      return rights.isOpen;
    };
    expect(isOpen('default')).toBe(false);
    expect(isOpen('default', ['a'])).toBe(true);
    expect(isOpen('default', () => [])).toBe(true);
    expect(isOpen({})).toBe(true);
    expect(isOpen(new (class extends DefaultEventAuthorizer {})(resolvedOptions()))).toBe(true);
  });

  it('applies a list of mesh.allow to the whole history, without a word to the log', () => {
    start('default', ['ui.**']);
    expect(rights.toPattern(alice, 'ui.*')).toBe(BEGINNING);
    expect(rights.toPattern(alice, 'other')).toBeUndefined();
    expect(calls).toEqual([]);
  });

  it('begins a right with its first use if the decision has no time', async () => {
    answering(true);
    expect(rights.toPattern(alice, 'ui', { since: 'before' })).toBe(GRANTED);
    expect(calls).toEqual([['grant', 'alice', 'ui', 'before']]);
    answering(Promise.resolve(true));
    expect(await rights.toRoom(alice, 'ui')).toBe(GRANTED);
    expect(calls.at(-1)).toEqual(['grant', 'alice', '\nroom ui', undefined]);
    start('default', () => ['ui']);
    expect(rights.toPattern(alice, 'ui')).toBe(GRANTED);
  });

  it('begins a right at the time or the cursor of the decision', () => {
    const since = new Date('2026-11-23T10:00:00Z');
    answering({ since });
    expect(rights.toPattern(alice, 'ui')).toBe(cursorBefore(since.getTime()));
    answering({ since: 'sealed' });
    expect(rights.toPattern(alice, 'ui')).toBe('opened sealed');
    expect(calls).toEqual([]);
  });

  it.each([
    false,
    undefined,
    null,
    1,
    'true',
    {},
    { since: 7 },
    { since: new Date(NaN) },
    { since: undefined },
  ])('takes the decision %p for a refusal, and withdraws the right', async answer => {
    answering(answer);
    expect(rights.toPattern(alice, 'ui')).toBeUndefined();
    expect(rights.toRoom(alice, 'r')).toBeUndefined();
    answering(Promise.resolve(answer));
    expect(await rights.toPattern(alice, 'ui')).toBeUndefined();
    expect(calls).toEqual([
      ['withdraw', 'alice', 'ui'],
      ['withdraw', 'alice', '\nroom r'],
      ['withdraw', 'alice', 'ui'],
    ]);
  });

  it('refuses every room if the authorizer cannot decide about rooms', () => {
    start({ canSubscribe: () => true });
    expect(rights.toRoom(alice, 'r')).toBeUndefined();
  });

  it('grants nothing that the caller no longer needs', () => {
    answering(true);
    expect(rights.toPattern(alice, 'ui', { isWanted: () => false })).toBeUndefined();
    expect(rights.toPattern(alice, 'ui', { isWanted: () => true })).toBe(GRANTED);
    expect(calls).toHaveLength(1);
  });

  it('asks again if the right was withdrawn while the authorizer decided', async () => {
    let asked = 0;
    let decide: (answer: boolean) => void = () => undefined;
    start({
      canSubscribe: () => {
        asked++;
        return new Promise<boolean>(resolve => (decide = resolve));
      },
    });
    const right = rights.toPattern(alice, 'ui');
    rights.forgetRoom(alice, 'ui');
    known.withdraw('alice', 'ui');
    decide(true);
    await new Promise(setImmediate);
    expect(asked).toBe(2);
    decide(true);
    expect(await right).toBe(GRANTED);
    expect(calls).toEqual([
      ['withdraw', 'alice', '\nroom ui'],
      ['withdraw', 'alice', 'ui'],
      ['grant', 'alice', 'ui', undefined],
    ]);
  });

  it.each(['canSubscribe', 'canJoin'] as const)(
    'answers UNAVAILABLE and names %s if it fails, and grants the right the next time',
    async method => {
      const decide = () =>
        method === 'canSubscribe' ? rights.toPattern(alice, 'ui') : rights.toRoom(alice, 'ui');
      const failing = () => {
        throw new TypeError('canary');
      };
      const refusal = {
        code: 'UNAVAILABLE',
        reason: `EventAuthorizer.${method}: TypeError was thrown`,
      };
      for (const fail of [failing, () => Promise.reject(new TypeError('canary'))]) {
        start({ [method]: fail });
        await expect(async () => decide()).rejects.toMatchObject(refusal);
      }
      const errors = log.filter(({ level }) => level === 'error');
      expect(errors).toHaveLength(2);
      expect(JSON.stringify(errors)).not.toContain('canary');
    },
  );

  it('answers UNAVAILABLE if the authorizer takes longer than auth.timeout', async () => {
    jest.useFakeTimers();
    try {
      start({ canSubscribe: () => new Promise(() => undefined) });
      const right = expect(rights.toPattern(alice, 'ui')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      await jest.advanceTimersByTimeAsync(TIMEOUT);
      await right;
      expect(log.map(({ text }) => text).join()).toContain('EventAuthorizer does not answer');
    } finally {
      jest.useRealTimers();
    }
  });

  it('takes an exception of Nest for a refusal, and passes on a refusal of its own', () => {
    const throwing = (error: Error) => () => {
      throw error;
    };
    start({ canSubscribe: throwing(new WsException('no')) });
    expect(rights.toPattern(alice, 'ui')).toBeUndefined();
    const outage = new RefusalError('UNAVAILABLE', { reason: 'mine' });
    start({ canSubscribe: throwing(outage) });
    expect(() => rights.toPattern(alice, 'ui')).toThrow(outage);
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('leaves no look-up behind, whether the authorizer decides or fails', () => {
    answering(true);
    const begun = jest.spyOn(known, 'begin');
    const ended = jest.spyOn(known, 'end');
    void rights.toPattern(alice, 'ui');
    start({
      canSubscribe: () => {
        throw new Error('down');
      },
    });
    const again = [jest.spyOn(known, 'begin'), jest.spyOn(known, 'end')];
    expect(() => rights.toPattern(alice, 'ui')).toThrow(RefusalError);
    expect(ended.mock.calls[0]![0]).toBe(begun.mock.results[0]!.value);
    expect(again[1]!.mock.calls[0]![0]).toBe(again[0]!.mock.results[0]!.value);
  });
});

describe('the reason why a right is refused', () => {
  const rightsBy = (authorizer: EventAuthorizer) =>
    new ListeningRights(
      resolvedOptions(),
      authorizer,
      undefined as unknown as CursorSeal,
      new KnownRights(undefined as unknown as EventFeed),
      new Logger('test'),
    );

  it('names mesh.allow, or the EventAuthorizer if the application has one', () => {
    const byDefault = rightsBy(new DefaultEventAuthorizer(resolvedOptions()));
    expect(byDefault.whyNoPattern('ui.*')).toBe('mesh.allow does not cover ui.*');
    expect(byDefault.whyNoRoom).toBe('the application has no EventAuthorizer with canJoin');
    class Own extends DefaultEventAuthorizer {}
    const own = rightsBy(new Own(resolvedOptions()));
    expect(own.whyNoPattern('ui.*')).toBe('EventAuthorizer.canSubscribe: ui.*');
    expect(own.whyNoRoom).toBe('EventAuthorizer.canJoin refuses the room');
  });
});
