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

/** How many events the lines stand for: a line is one, a summary as many as it says. */
const told = () =>
  texts().reduce((sum, text) => sum + Number(/: (\d+) more in/.exec(text)?.[1] ?? 1), 0);

describe('the security log', () => {
  it('has a line for what is new, at once', () => {
    events.refused(from('203.0.113.7', 'alice'), 'INVALID_SIGNATURE', { eventType: 'ui.click' });
    expect(lines).toEqual([
      {
        level: 'warn',
        context: 'Security',
        text: 'refused INVALID_SIGNATURE address=203.0.113.7 clientId=c-1 userId=alice eventType=ui.click',
      },
    ]);
  });

  it('sums up what goes on, once per interval', () => {
    for (let count = 0; count < 5; count++) refuse();
    expect(lines).toHaveLength(1);
    clock.advance(MINUTE);
    refuse();
    expect(texts().slice(1)).toEqual([
      'refused RATE_LIMITED: 4 more in 60 s from 1 source, 4 of them from 203.0.113.7',
    ]);
    clock.advance(MINUTE);
    log.flush();
    expect(told()).toBe(6);
  });

  it('tells anew what had stopped for an interval', () => {
    refuse();
    log.flush();
    refuse();
    expect(new Set(texts()).size).toBe(1);
    expect(lines).toHaveLength(2);
  });

  it('counts users and addresses apart, and the addresses of one /64 together', () => {
    events.refused(from('203.0.113.7', 'alice'), 'FORBIDDEN');
    events.refused(from('203.0.113.8', 'alice'), 'FORBIDDEN');
    refuse('2001:db8::1', 'FORBIDDEN');
    refuse('2001:db8::2', 'FORBIDDEN');
    expect(lines).toHaveLength(2);
  });

  it.each(['one source', '100,000 sources'])(
    'has fewer than 50 lines for 100,000 refusals with every code by %s, and their counts add up',
    by => {
      const codes = Object.keys(CODES) as Code[];
      for (let number = 0; number < 100_000; number++) {
        const host = by === 'one source' ? 1 : number;
        refuse(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, codes[number % codes.length]);
      }
      log.onApplicationShutdown();
      expect(lines.length).toBeLessThan(50);
      expect(told()).toBe(100_000);
    },
  );

  it('adds up over intervals, too, and grows no further for it', () => {
    for (let minute = 0; minute < 10; minute++) {
      for (let number = 0; number < 3_000; number++)
        refuse(`10.${minute}.${number >> 8}.${number & 255}`);
      clock.advance(MINUTE);
    }
    log.flush();
    expect(told()).toBe(30_000);
    expect(lines.length).toBeLessThan(100);
  });

  it('is written at shutdown to the last event, and no more after', () => {
    for (let count = 0; count < 3; count++) refuse();
    log.onApplicationShutdown();
    refuse();
    expect(told()).toBe(3);
  });

  it('has the level of each kind, and nothing of a kind that is off', () => {
    set({ levels: { refused: 'off', lost: 'error' } });
    refuse();
    events.lost(from('203.0.113.7'));
    events.sessionEnded(2);
    expect(lines.map(({ level, text }) => [level, text.split(' ')[0]])).toEqual([
      ['error', 'lost'],
      ['log', 'sessionEnded'],
    ]);
  });

  it('is silent where it is not wanted', () => {
    set({ log: false });
    refuse();
    log.onApplicationShutdown();
    expect(lines).toEqual([]);
  });

  it('cannot be made to look like several lines or facts by what peers send', () => {
    const type = 'x" code=FORGED\n[Nest] LOG forged';
    events.refused(from('203.0.113.7'), 'UNKNOWN_EVENT', { eventType: type });
    expect(texts()[0]).toMatch(/eventType="x\\" code=FORGED\\u\{a\}\[Nest\] LOG forged"$/);
    expect(texts()[0]).not.toContain('\n');
  });
});
