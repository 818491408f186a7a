import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { StoreErrorPolicy } from '../../lib/options/index.js';
import { RefusalError } from '../../lib/protocol/index.js';
import { RedisUnavailableError } from '../../lib/redis/redis-unavailable.error.js';
import { StoreOutage } from '../../lib/store-outage.js';
import { FakeClock } from '../helpers/fake-clock.js';

describe('store outage', () => {
  const logged: string[] = [];
  const observer = {
    storeDown: () => logged.push('down'),
    storeUp: () => logged.push('up'),
  };
  const standIns = { allow: () => 'allowed', local: () => 'local' };
  let clock: FakeClock;
  let outage: StoreOutage;

  beforeEach(() => {
    logged.length = 0;
    for (const level of ['error', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    clock = new FakeClock();
    outage = new StoreOutage('nonces', 'local', clock, observer);
  });

  const answers = () => outage.during(() => 'stored', standIns);
  const fails = () =>
    outage.during(() => {
      throw new Error('down');
    }, standIns);

  it('is logged once, even if some calls still succeed', () => {
    for (let event = 0; event < 10; event++) {
      expect(fails()).toBe('local');
      clock.advance(999);
      expect(answers()).toBe('stored');
    }
    expect(logged).toEqual(['down']);
  });

  it('ends once the store answers and has not failed for a second', () => {
    for (let time = 0; time < 2; time++) {
      void fails();
      clock.advance(1_000);
      for (let event = 0; event < 3; event++) void answers();
    }
    expect(logged).toEqual(['down', 'up', 'down', 'up']);
  });

  describe.each<[string, <T>(answer: () => T) => T | Promise<T>]>([
    ['synchronously', answer => answer()],
    ['asynchronously', async answer => answer()],
  ])('%s', (_, asked) => {
    const ask = async (policy: StoreErrorPolicy, error: Error, replaced = true) =>
      new StoreOutage('nonces', policy, clock, observer).during(
        () =>
          asked(() => {
            throw error;
          }),
        replaced ? standIns : undefined,
      );

    it.each(['allow', 'local'] as const)('uses the replacement of the policy %s', async policy => {
      expect(await ask(policy, new Error('down'))).toBe(policy === 'allow' ? 'allowed' : 'local');
    });

    it.each<[StoreErrorPolicy, boolean]>([
      ['deny', true],
      ['deny', false],
      ['allow', false],
      ['local', false],
    ])('throws UNAVAILABLE under %s, with replacements: %s', async (policy, replaced) => {
      await expect(ask(policy, new Error('down'), replaced)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        reason: 'the store of nonces fails',
      });
      expect(logged).toEqual(['down']);
    });

    it('rethrows a rejection by the store, which is not an outage', async () => {
      const full = new RefusalError('UNAVAILABLE', { reason: 'full' });
      await expect(ask('allow', full)).rejects.toBe(full);
      expect(logged).toEqual([]);
    });
  });

  it('logs the name of a foreign error and never its message, and the message of an own error', () => {
    const lines: string[] = [];
    for (const level of ['error', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(line => lines.push(String(line)));
    const alone = new StoreOutage('nonces', 'local', clock);
    const failWith = (cause: unknown) =>
      void alone.during(() => {
        throw cause as Error;
      }, standIns);
    failWith(new TypeError('canary'));
    clock.advance(1_000);
    void alone.during(() => 'stored');
    clock.advance(60_000);
    failWith('canary');
    clock.advance(1_000);
    void alone.during(() => 'stored');
    clock.advance(60_000);
    failWith(new RedisUnavailableError('NOPERM no rights'));
    expect(lines).toEqual([
      'The store of nonces fails (TypeError): local until it is back',
      'The store of nonces is back',
      'The store of nonces fails (unknown): local until it is back',
      'The store of nonces is back',
      'The store of nonces fails (Redis is not available: NOPERM no rights): local until it is back',
    ]);
  });
});
