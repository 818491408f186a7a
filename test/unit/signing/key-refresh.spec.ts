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

const key = (id: string): SigningKeyOptions => ({
  id,
  secret: `${id}-secret-of-at-least-32-bytes!!`,
});

function setup(source: () => unknown) {
  const clock = new FakeClock();
  const options = resolveOptions(
    { signing: { keys: [key('one')] }, auth: { validateToken: () => null } },
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
    ['gives no list', () => 'canary', /signing\.keys must name at least one key/],
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
});
