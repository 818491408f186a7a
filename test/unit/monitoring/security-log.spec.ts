import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SecurityEvents, SecurityLog } from '../../../lib/monitoring/index.js';
import type { MonitoringOptionsInit } from '../../../lib/options/index.js';
import { CODES, type Code } from '../../../lib/protocol/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog, type LogLine } from '../../helpers/log-capture.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';

const MINUTE = 60_000;
let clock: FakeClock;
let events: SecurityEvents;
let log: SecurityLog;
let lines: LogLine[];

function set(monitoring: MonitoringOptionsInit = {}): void {
  const options = resolvedOptions({ monitoring });
  clock = new FakeClock();
  events = new SecurityEvents(options, clock);
  log = new SecurityLog(options, clock, events);
}

beforeEach(() => {
  lines = captureLog();
  set();
});

afterEach(() => {
  log.onApplicationShutdown();
});

const from = (address: string, user?: string) => ({
  id: 'c-1',
  address,
  user: user === undefined ? undefined : { id: user },
});
const refuse = (address = '203.0.113.7', code: Code = 'RATE_LIMITED') => {
  events.refused(from(address), code, { path: '/events' });
};
const texts = () => lines.map(({ text }) => text);

/** Counts the events that the lines report. A summary counts as many as it says. */
const reportedCount = () =>
  texts().reduce((sum, text) => sum + Number(/: (\d+) more in/.exec(text)?.[1] ?? 1), 0);

describe('SecurityLog', () => {
  it('writes reasons to the logger, which alone knows its levels', () => {
    // NestJS 11 returns false unless the levels were given as a list.
    const isEnabled = jest.spyOn(Logger, 'isLevelEnabled').mockReturnValue(false);
    events.refused(from('203.0.113.7'), 'INVALID_EVENT', { reason: 'data.amount (too_small)' });
    isEnabled.mockRestore();
    expect(lines.filter(({ level }) => level === 'debug')).toHaveLength(1);
  });

  it('writes the first event of a kind at once', () => {
    events.refused(from('203.0.113.7', 'alice'), 'INVALID_SIGNATURE', { eventType: 'ui.click' });
    expect(lines).toEqual([
      {
        level: 'warn',
        context: 'Security',
        text: 'refused INVALID_SIGNATURE address=203.0.113.7 clientId=c-1 userId=alice eventType=ui.click',
      },
    ]);
  });

  it('summarizes repeated events once per interval', () => {
    for (let count = 0; count < 5; count++) refuse();
    expect(lines).toHaveLength(1);
    clock.advance(MINUTE);
    refuse();
    expect(texts().slice(1)).toEqual([
      'refused RATE_LIMITED: 4 more in 60 s from 1 source, 4 of them from 203.0.113.7',
    ]);
    clock.advance(MINUTE);
    log.flush();
    expect(reportedCount()).toBe(6);
  });

  it('writes a line again after an interval without events', () => {
    refuse();
    log.flush();
    refuse();
    expect(new Set(texts()).size).toBe(1);
    expect(lines).toHaveLength(2);
  });

  it('counts users and addresses separately, and the addresses of one /64 together', () => {
    events.refused(from('203.0.113.7', 'alice'), 'FORBIDDEN');
    events.refused(from('203.0.113.8', 'alice'), 'FORBIDDEN');
    refuse('2001:db8::1', 'FORBIDDEN');
    refuse('2001:db8::2', 'FORBIDDEN');
    expect(lines).toHaveLength(2);
  });

  it.each(['one source', '100,000 sources'])(
    'writes at most three lines per code for 100,000 rejections by %s, and their counts add up',
    by => {
      const codes = Object.keys(CODES) as Code[];
      for (let number = 0; number < 100_000; number++) {
        const host = by === 'one source' ? 1 : number;
        refuse(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, codes[number % codes.length]);
      }
      log.onApplicationShutdown();
      expect(lines.length).toBeLessThanOrEqual(3 * codes.length);
      expect(reportedCount()).toBe(100_000);
    },
  );

  it('adds up over intervals, and stays bounded', () => {
    for (let minute = 0; minute < 10; minute++) {
      for (let number = 0; number < 3_000; number++)
        refuse(`10.${minute}.${number >> 8}.${number & 255}`);
      clock.advance(MINUTE);
    }
    log.flush();
    expect(reportedCount()).toBe(30_000);
    expect(lines.length).toBeLessThan(100);
  });

  it('writes everything at shutdown, and nothing after', () => {
    for (let count = 0; count < 3; count++) refuse();
    log.onApplicationShutdown();
    refuse();
    expect(reportedCount()).toBe(3);
  });

  it('uses the level of each kind, and writes nothing for a kind that is off', () => {
    set({ levels: { refused: 'off', lost: 'error' } });
    refuse();
    events.lost(from('203.0.113.7'));
    events.sessionEnded(2);
    expect(lines.map(({ level, text }) => [level, text.split(' ')[0]])).toEqual([
      ['error', 'lost'],
      ['log', 'sessionEnded'],
    ]);
  });

  it('writes nothing if it is off', () => {
    set({ log: false });
    refuse();
    log.onApplicationShutdown();
    expect(lines).toEqual([]);
  });

  describe('reason', () => {
    const { NODE_ENV } = process.env;
    afterEach(() => {
      process.env.NODE_ENV = NODE_ENV;
    });
    const refuseWhy = (reason: string) => {
      events.refused(from('203.0.113.7'), 'INVALID_EVENT', { reason });
    };
    const reasons = () => lines.filter(({ level }) => level === 'debug').map(({ text }) => text);

    it('is logged at debug for each of 200 concurrent rejections outside production', () => {
      for (let count = 0; count < 1_000; count++) refuseWhy(`member ${count} is missing`);
      expect(reasons()).toHaveLength(200);
      expect(reasons()[199]).toMatch(/^refused INVALID_EVENT .* reason="member 199 is missing"$/);
      expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    });

    it('is logged for some rejections in production, and the others are counted', () => {
      process.env.NODE_ENV = 'production';
      set();
      for (let count = 0; count < 1_000; count++) refuseWhy('the same');
      expect(reasons().length).toBeLessThan(50);
      clock.advance(MINUTE);
      refuseWhy('the last');
      expect(reasons().at(-1)).toMatch(
        /reason="the last" \(\d+ reasons before this one were not logged\)$/,
      );
    });

    it('is not created if nothing reads it', () => {
      set({ log: false });
      const made = jest.fn(() => 'costly');
      events.subscribe(() => undefined);
      events.refused(from('203.0.113.7'), 'INVALID_SIGNATURE', { reason: made });
      expect(made).not.toHaveBeenCalled();
    });

    it('is created once, truncated and escaped', () => {
      const made = jest.fn(() => `${'x'.repeat(1_000)}\n`);
      const read: unknown[] = [];
      events.subscribe(event => {
        if ('reason' in event) read.push(event.reason, event.reason);
      });
      events.refused(from('203.0.113.7'), 'INVALID_SIGNATURE', { reason: made });
      expect(made).toHaveBeenCalledTimes(1);
      expect(read[0]).toBe(read[1]);
      expect(String(read[0]).length).toBeLessThan(410);
    });
  });

  it('carries the facts as fields, for loggers that write JSON', () => {
    const written: unknown[] = [];
    Logger.overrideLogger({ warn: (line: unknown) => written.push(line) } as never);
    events.refused(from('203.0.113.7', 'alice'), 'FORBIDDEN', {
      path: '/events',
      eventType: 'ui.click',
      reason: 'no role',
    });
    refuse('203.0.113.8', 'FORBIDDEN');
    refuse('203.0.113.8', 'FORBIDDEN');
    log.flush();
    expect(JSON.parse(JSON.stringify(written))).toEqual([
      {
        message: expect.stringMatching(/^refused FORBIDDEN address=/),
        kind: 'refused',
        code: 'FORBIDDEN',
        address: '203.0.113.7',
        clientId: 'c-1',
        userId: 'alice',
        path: '/events',
        eventType: 'ui.click',
      },
      expect.objectContaining({ address: '203.0.113.8' }),
      expect.objectContaining({ kind: 'refused', code: 'FORBIDDEN', count: 1 }),
    ]);
  });

  it('does not let clients forge lines or facts', () => {
    const type = 'x" code=FORGED\n[Nest] LOG forged';
    events.refused(from('203.0.113.7'), 'UNKNOWN_EVENT', { eventType: type });
    expect(texts()[0]).toMatch(/eventType="x\\" code=FORGED\\u\{a\}\[Nest\] LOG forged"$/);
    expect(texts()[0]).not.toContain('\n');
  });
});
