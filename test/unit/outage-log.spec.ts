import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { OutageLog } from '../../lib/outage-log.js';
import { FakeClock } from '../helpers/fake-clock.js';

describe('OutageLog', () => {
  let clock: FakeClock;
  let log: OutageLog;
  let lines: string[];

  beforeEach(() => {
    lines = [];
    for (const level of ['error', 'log'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(text => lines.push(String(text)));
    clock = new FakeClock();
    log = new OutageLog(clock);
  });

  const outage = () => {
    log.begin('down');
    log.end('up');
  };

  it('logs the beginning and the end of each outage', () => {
    for (let hour = 0; hour < 24; hour++) {
      outage();
      clock.advance(3_600_000);
    }
    expect(lines).toEqual(Array.from({ length: 24 }, () => ['down', 'up']).flat());
  });

  it('logs repeated short outages at a limited rate, with a count', () => {
    for (let second = 0; second < 600; second++) {
      outage();
      clock.advance(1_000);
    }
    expect(lines.length).toBeLessThanOrEqual(2 * (5 + 60));
    expect(lines).toContain('down (and 9 times before)');
  });

  it('never logs an end without a beginning', () => {
    for (let flap = 0; flap < 100; flap++) outage();
    expect(lines).toEqual(Array.from({ length: 5 }, () => ['down', 'up']).flat());
  });
});
