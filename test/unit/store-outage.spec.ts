import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { StoreOutage } from '../../lib/store-outage.js';
import { FakeClock } from '../helpers/fake-clock.js';

describe('a store that fails', () => {
  const told: string[] = [];
  const observer = {
    storeDown: () => told.push('down'),
    storeUp: () => told.push('up'),
  };
  const standIns = { allow: () => 'allowed', local: () => 'local' };
  let clock: FakeClock;
  let outage: StoreOutage;

  beforeEach(() => {
    told.length = 0;
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

  it('is told of once, though some of its answers come all the same', () => {
    for (let event = 0; event < 10; event++) {
      expect(fails()).toBe('local');
      clock.advance(999);
      expect(answers()).toBe('stored');
    }
    expect(told).toEqual(['down']);
  });

  it('is back once it answers and has not failed for a second', () => {
    for (let time = 0; time < 2; time++) {
      void fails();
      clock.advance(1_000);
      for (let event = 0; event < 3; event++) void answers();
    }
    expect(told).toEqual(['down', 'up', 'down', 'up']);
  });
});
