import { jest } from '@jest/globals';
import type { EventMesh } from '../../lib/index.js';
import { SecurityEvents } from '../../lib/monitoring/index.js';
import { SecurityFeed } from '../../sample/01-quickstart/security-feed.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { captureLog } from '../helpers/log-capture.js';
import { resolvedOptions } from '../helpers/resolved-options.js';

const PEER = { id: 'c-1', address: '203.0.113.7' };

let events: SecurityEvents;
let feed: SecurityFeed;
let emitted: [type: string, data: unknown][];
let publish: () => Promise<void>;

beforeEach(() => {
  jest.useFakeTimers();
  emitted = [];
  publish = () => Promise.resolve();
  const mesh = {
    emit: (type: string, data: unknown) => {
      emitted.push([type, data]);
      return publish();
    },
  };
  events = new SecurityEvents(resolvedOptions({}), new FakeClock());
  feed = new SecurityFeed(mesh as unknown as EventMesh, events);
});

afterEach(() => {
  feed.onModuleDestroy();
  jest.useRealTimers();
});

const refuse = (eventType?: string) => {
  events.refused(PEER, 'RATE_LIMITED', { eventType });
};

describe("the quickstart's feed of security events", () => {
  it('summarizes the events of one second in one event', () => {
    for (let count = 0; count < 1_000; count++) refuse();
    events.authenticated(PEER);
    jest.advanceTimersByTime(999);
    expect(emitted).toEqual([]);
    jest.advanceTimersByTime(1);
    const counts = { 'refused RATE_LIMITED': 1_000, authenticated: 1 };
    expect(emitted).toEqual([['system.security', { counts }]]);
  });

  it('reports each event once, and sends nothing without events', () => {
    refuse();
    jest.advanceTimersByTime(1_000);
    refuse();
    jest.advanceTimersByTime(60_000);
    const once = ['system.security', { counts: { 'refused RATE_LIMITED': 1 } }];
    expect(emitted).toEqual([once, once]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not contain text that a client has chosen', () => {
    for (let count = 0; count < 100; count++) refuse(`type.${count}`);
    events.handshakeRefused('203.0.113.7', 'ORIGIN_REJECTED', '/events', 'https://evil.example');
    events.attemptFailed({ address: '203.0.113.7', user: 'mallory' });
    jest.advanceTimersByTime(1_000);
    expect(emitted.map(([, data]) => data)).toEqual([
      {
        counts: {
          'refused RATE_LIMITED': 100,
          'handshakeRefused ORIGIN_REJECTED': 1,
          attemptFailed: 1,
        },
      },
    ]);
  });

  it('continues after a report that could not be sent', async () => {
    const log = captureLog();
    publish = () => Promise.reject(new Error('the store is down'));
    refuse();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(log.map(({ text }) => text)).toEqual(['Security events could not be sent']);
    refuse();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(emitted).toHaveLength(2);
  });

  it('stops when the application closes', () => {
    refuse();
    feed.onModuleDestroy();
    refuse();
    jest.advanceTimersByTime(60_000);
    expect(emitted).toEqual([]);
  });
});
