import { jest } from '@jest/globals';
import {
  EventSigner,
  KeyRefresh,
  type SecurityEvent,
  SecurityEvents,
  type SigningKeyOptions,
} from '../../../lib/index.js';
import { resolveOptions } from '../../../lib/options/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog } from '../../helpers/log-capture.js';

const REFRESH = 60_000;

const key = (id: string): SigningKeyOptions => ({
  id,
  secret: `${id}-secret-of-at-least-32-bytes!!`,
});

/** @param source undefined for a ring that is no function */
function setup(source?: () => unknown, first: SigningKeyOptions[] = [key('one')]) {
  const clock = new FakeClock();
  const options = resolveOptions(
    { signing: { keys: first, refresh: REFRESH }, auth: { validateToken: () => null } },
    clock.now(),
    false,
    undefined,
    source as never,
  );
  const events = new SecurityEvents(options, clock);
  const seen: SecurityEvent[] = [];
  events.subscribe(event => seen.push(event));
  const signer = new EventSigner(options, clock);
  return {
    refresh: new KeyRefresh(options, clock, signer, events),
    ids: () => signer.keys.map(({ id }) => id),
    seen: () => seen.map(({ kind }) => kind),
    events: seen,
    signer,
  };
}

describe('key ring refresh', () => {
  it('installs the new ring, and reports that once', async () => {
    let ring = [key('one')];
    const { refresh, ids, seen } = setup(async () => ring);
    expect(await refresh.refresh()).toBe(true);
    expect(seen()).toEqual([]);
    ring = [key('two'), key('one')];
    expect(await refresh.refresh()).toBe(true);
    expect(await refresh.refresh()).toBe(true);
    expect(ids()).toEqual(['two', 'one']);
    expect(seen()).toEqual(['keysRotated']);
  });

  it('reports a ring in which only one of several keys has changed', async () => {
    let ring = [key('one'), key('two')];
    const { refresh, seen } = setup(() => ring, ring);
    for (const next of [key('three'), { ...key('three'), notAfter: new Date(2e12) }]) {
      ring = [key('one'), next];
      await refresh.refresh();
    }
    ring = [{ ...key('one'), secret: 'another-secret-of-32-bytes-or-more' }, ring[1]!];
    await refresh.refresh();
    expect(seen()).toEqual(['keysRotated', 'keysRotated', 'keysRotated']);
  });

  it('still verifies what the old ring signed', async () => {
    const { refresh, signer } = setup(() => [key('two'), key('one')]);
    const event = signer.sign({ type: 'a', source: 'b' });
    await refresh.refresh();
    expect(signer.verify(event, { direction: 's2c' })).toBe('one');
    expect(signer.sign({ type: 'a', source: 'b' }).semanticsignature).toMatch(/^v1\.two\./);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('canary');
      },
      /^Error was thrown$/,
    ],
    ['rejects', () => Promise.reject(new TypeError('canary')), /^TypeError was thrown$/],
    ['gives no list', () => 'canary', /signing\.keys must be a list of keys.*, not a string$/],
    ['gives an empty ring', () => [], /signing\.keys must name at least one key/],
    [
      'gives a short secret',
      () => [{ id: 'a', secret: 'canary' }],
      /secret must have at least 32 bytes/,
    ],
    [
      'gives keys that are over',
      () => [{ ...key('old'), notAfter: new Date(0) }],
      /has no key that is in force now/,
    ],
  ])('that %s keeps the old ring, and reports why without the secret', async (_, source, why) => {
    const log = captureLog();
    const { refresh, ids, seen, events } = setup(source);
    expect(await refresh.refresh()).toBe(false);
    expect(await refresh.refresh()).toBe(false);
    expect(ids()).toEqual(['one']);
    expect(refresh.problem).toMatch(why);
    expect(seen()).toEqual(['keyRefreshFailed', 'keyRefreshFailed']);
    expect(events[0]).toHaveProperty('reason', expect.stringMatching(why));
    const errorLines = log.filter(({ level }) => level === 'error').map(({ text }) => text);
    expect(errorLines).toEqual([expect.stringContaining('the old one stays in use')]);
    expect(JSON.stringify([errorLines, events])).not.toContain('canary');
  });

  it('recovers after a failure', async () => {
    let fails = true;
    const { refresh, ids } = setup(() => {
      if (fails) throw new Error('away');
      return [key('two')];
    });
    await refresh.refresh();
    fails = false;
    expect(await refresh.refresh()).toBe(true);
    expect(refresh.problem).toBeUndefined();
    expect(ids()).toEqual(['two']);
  });

  it('runs once at a time', async () => {
    let calls = 0;
    const { refresh } = setup(async () => {
      calls++;
      return [key('one')];
    });
    await Promise.all([refresh.refresh(), refresh.refresh()]);
    expect(calls).toBe(1);
  });

  it('tells operators that keys can be read again, and every reason of an unusable ring', async () => {
    const log = captureLog();
    let ring: SigningKeyOptions[] = [key('one')];
    const { refresh } = setup(() => ring);
    await refresh.refresh();
    ring = [
      { id: 'a', secret: 'short' },
      { id: 'b', secret: 'short' },
    ];
    await refresh.refresh();
    expect(refresh.problem).toMatch(
      /keys\[0\].* at least 32 bytes.*; .*keys\[1\].* at least 32 bytes/,
    );
    ring = [key('two')];
    await refresh.refresh();
    const texts = log.map(({ text }) => text);
    expect(texts).toHaveLength(2);
    expect(texts.at(-1)).toBe('signing.keys can be read again');
  });

  const [notBefore, notAfter] = [new Date('2026-01-01'), new Date('2027-01-01')];
  it.each<[string, SigningKeyOptions[]]>([
    ['another secret', [{ ...key('one'), secret: key('two').secret }]],
    ['another id', [{ ...key('one'), id: 'two' }]],
    ['a key more', [key('one'), key('two')]],
    ['another start', [{ ...key('one'), notBefore }]],
    ['another end', [{ ...key('one'), notAfter }]],
  ])('reports a ring with %s as a new one, and the same ring not', async (_, ring) => {
    const { refresh, seen } = setup(() => ring);
    await refresh.refresh();
    await refresh.refresh();
    expect(seen()).toEqual(['keysRotated']);
  });

  it('reports a ring from which a key was removed as a new one', async () => {
    const { refresh, seen } = setup(() => [key('one')], [key('one'), key('two')]);
    await refresh.refresh();
    expect(seen()).toEqual(['keysRotated']);
  });

  it('never happens if the ring is no function', async () => {
    const { refresh, seen } = setup();
    expect(await refresh.refresh()).toBe(false);
    expect([refresh.problem, seen()]).toEqual([undefined, []]);
  });

  describe('in the background', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    it('happens every signing.refresh milliseconds until the application shuts down', async () => {
      const source = jest.fn(() => [key('one')]);
      const { refresh } = setup(source);
      refresh.onApplicationBootstrap();
      await jest.advanceTimersByTimeAsync(REFRESH - 1);
      expect(source).toHaveBeenCalledTimes(0);
      await jest.advanceTimersByTimeAsync(1);
      expect(source).toHaveBeenCalledTimes(1);
      await jest.advanceTimersByTimeAsync(2 * REFRESH);
      expect(source).toHaveBeenCalledTimes(3);
      refresh.onApplicationShutdown();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('sets no timer if the ring is no function', () => {
      setup().refresh.onApplicationBootstrap();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('ends with the shutdown, even while keys are read', async () => {
      let answer: (ring: SigningKeyOptions[]) => void = () => undefined;
      const { refresh, ids } = setup(() => new Promise(resolve => (answer = resolve)));
      refresh.onApplicationBootstrap();
      await jest.advanceTimersByTimeAsync(REFRESH);
      const running = refresh.refresh();
      refresh.onApplicationShutdown();
      answer([key('two')]);
      expect(await running).toBe(false);
      await jest.advanceTimersByTimeAsync(0);
      expect(ids()).toEqual(['one']);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('gives up after 10 s without an answer', async () => {
      captureLog();
      const { refresh } = setup(() => new Promise(() => undefined));
      const running = refresh.refresh();
      await jest.advanceTimersByTimeAsync(10_000);
      expect(await running).toBe(false);
      expect(refresh.problem).toBe('signing.keys did not answer in 10 s');
    });
  });
});
