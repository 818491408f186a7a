import { jest } from '@jest/globals';
import { Budgets } from '../../../../lib/connection/guarded/budget.js';
import { Connection } from '../../../../lib/connection/guarded/connection.js';
import type { ServedEndpoint } from '../../../../lib/connection/guarded/served-endpoint.js';
import { Session, type SessionStep } from '../../../../lib/connection/guarded/session.js';
import type { Channel, Transport } from '../../../../lib/connection/guarded/transport.js';
import type { Client, ConnectionSlot } from '../../../../lib/connection/index.js';
import type { SemanticEventsOptions } from '../../../../lib/options/index.js';
import { type Reason, RefusalError, textOf } from '../../../../lib/protocol/index.js';
import { FakeClock } from '../../../helpers/fake-clock.js';
import { resolvedOptions } from '../../../helpers/resolved-options.js';
import { clientAt } from '../../../helpers/ws-context.js';

describe('a guarded connection', () => {
  let clock: FakeClock;
  let client: Client;
  let connection: Connection;
  /** What the transport, the hub and the security events were told, in order. */
  let calls: unknown[];
  let state: { isOpen: boolean; isPaused: boolean; ignoresPause: boolean; inflates: boolean };
  let rights: number;
  let begun: (() => void)[];
  const log =
    (name: string) =>
    (...given: unknown[]) => {
      calls.push([name, ...given]);
    };

  const start = (
    given: SemanticEventsOptions['connection'] = {},
    { hasOwnHeartbeat = false, user }: { hasOwnHeartbeat?: boolean; user?: string } = {},
  ) => {
    calls = [];
    begun = [];
    clock = new FakeClock();
    client = clientAt('192.0.2.1', user);
    state = { isOpen: true, isPaused: false, ignoresPause: false, inflates: false };
    const options = resolvedOptions({ connection: given });
    const services = {
      clock,
      options,
      budgets: new Budgets(options.connection),
      hooks: { authenticated: log('hook') },
      hub: {
        rightsOf: () => rights,
        reauthorizeClient: log('reauthorize'),
        closed: log('forget'),
        open: () => ({ subscribe: log('subscribe'), unsubscribe: log('unsubscribe') }),
        close: log('close subscriptions'),
      },
      connections: { add: log('add'), remove: log('remove') },
      events: {
        refused: (_: Client, code: string, { reason, eventType }: Record<string, unknown>) =>
          calls.push(['refused', code, reason, eventType]),
        closed: (_: Client, code: string, path: string, reason?: Reason) =>
          calls.push(['closed', code, path, textOf(reason)]),
        authenticated: log('authenticated'),
        lost: log('lost'),
      },
    };
    const transport: Transport<string | Buffer> = {
      get isOpen() {
        return state.isOpen;
      },
      get isPaused() {
        return state.isPaused;
      },
      get ignoresPause() {
        return state.ignoresPause;
      },
      get inflates() {
        return state.inflates;
      },
      hasOwnHeartbeat,
      queuedBytes: 7,
      pause: () => (state.isPaused = true),
      resume: () => (state.isPaused = false),
      decode: message => {
        calls.push(['decode', message]);
        begun.push(connection.begin());
      },
      sendFrame: log('send'),
      sendEnd: log('send end'),
      sendRefusal: log('send refusal'),
      liftSizeLimit: log('lift'),
      ping: log('ping'),
      close: (...given) => {
        calls.push(['close', ...given]);
        state.isOpen = false;
      },
      drop: log('drop'),
    };
    const endpoint = { services, path: '/events', isOpenToAll: false, hasPublic: true };
    connection = new Connection(
      client,
      {} as ConnectionSlot,
      endpoint as unknown as ServedEndpoint,
      transport,
    );
    calls = [];
  };
  const named = (...names: string[]) =>
    calls.filter(call => names.includes((call as string[])[0]!)).map(call => call as unknown[]);
  const due = (step: SessionStep | undefined) =>
    jest.spyOn(Session.prototype, 'due').mockReturnValue(step);

  beforeEach(() => {
    rights = 0;
    start();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('decodes a message, and counts it and its time', () => {
    clock.advance(5);
    connection.receive('{}');
    expect(calls).toEqual([['decode', '{}']]);
    expect(client.counters).toEqual({ received: 1, sent: 0, refused: 0 });
    expect(client.lastActivityAt).toBe(clock.now());
    expect(connection.queuedBytes).toBe(7);
  });

  it('closes for a message that is not text', () => {
    connection.receive(undefined);
    expect(calls).toEqual([
      ['refused', 'UNSUPPORTED_FRAME', 'a binary message', undefined],
      ['send refusal', 'UNSUPPORTED_FRAME', { reason: 'a binary message' }, 'event'],
      ['closed', 'UNSUPPORTED_FRAME', '/events', 'a binary message'],
      ['close', 1003, 'UNSUPPORTED_FRAME'],
    ]);
    expect(client.counters.refused).toBe(1);
    connection.receive('{}');
    expect(client.counters.received).toBe(1);
  });

  it('closes for a message over the limit of a client that is not authenticated, in bytes', () => {
    start({ maxUnauthenticatedMessageSize: 1_024 });
    connection.receive('x'.repeat(1_024));
    expect(named('refused')).toEqual([]);
    connection.receive('ü'.repeat(513));
    expect(named('close')).toEqual([['close', 1009, 'MESSAGE_TOO_LARGE']]);
    start({ maxUnauthenticatedMessageSize: 1_024 }, { user: 'alice' });
    connection.receive('ü'.repeat(513));
    expect(named('decode')).toHaveLength(1);
  });

  it('charges a message before it is decoded: by its size, members and compression', () => {
    const unitsOf = (message: string) => {
      start({ messageRate: 1, messageBurst: 10 }, { user: 'alice' });
      state.inflates = inflates;
      connection.receive(message);
      let left = 0;
      for (; connection.excessOf(1) === undefined; left++);
      return 10 - left;
    };
    let inflates = false;
    const costs = () => ['{}', ' '.repeat(8_192), `[${'0,'.repeat(600)}0]`].map(unitsOf);
    expect(costs()).toEqual([1, 2, 4]);
    inflates = true;
    expect(costs()).toEqual([1, 3, 4]);
  });

  it('refuses a message over the rate without decoding it, and closes when it goes on', () => {
    start({ messageRate: 1, messageBurst: 2, maxStrikes: 2 }, { user: 'alice' });
    for (let n = 0; n < 9; n++) connection.receive('{}');
    expect(named('decode')).toHaveLength(2);
    const refused = ['refused', 'RATE_LIMITED', 'connection.messageRate', undefined];
    expect(named('refused')).toEqual([refused, refused, refused]);
    expect(named('send refusal')[0]).toEqual([
      'send refusal',
      'RATE_LIMITED',
      { retryAfter: 1_000, reason: 'connection.messageRate' },
      'event',
    ]);
    expect(named('closed', 'close')).toEqual([
      [
        'closed',
        'RATE_LIMITED',
        '/events',
        'more than connection.maxStrikes offences, the last one RATE_LIMITED: connection.messageRate',
      ],
      ['close', 4429, 'RATE_LIMITED'],
    ]);
  });

  it('refuses what arrives although reading is paused', () => {
    state.ignoresPause = true;
    connection.receive('{}');
    expect(named('decode', 'refused')).toEqual([
      ['refused', 'RATE_LIMITED', 'connection.maxRunningHandlers', undefined],
    ]);
  });

  it('closes for a flood of fragments once, without an answer to each', () => {
    start({ messageRate: 1, messageBurst: 2 });
    connection.chargeFragments(32);
    expect(calls).toEqual([]);
    connection.chargeFragments(1);
    connection.chargeFragments(1);
    expect(calls).toEqual([
      ['send end', 'RATE_LIMITED', { reason: 'too many fragments' }],
      ['closed', 'RATE_LIMITED', '/events', 'too many fragments'],
      ['close', 4429, 'RATE_LIMITED'],
    ]);
  });

  it('charges compression apart from the messages', () => {
    start({ messageRate: 1, messageBurst: 2, connectRate: 1, connectBurst: 4 });
    let count = 0;
    for (; connection.mayCompress(4_096) && count < 99; count++);
    expect(count).toBe(8);
    expect(connection.excessOf(2)).toBeUndefined();
  });

  it('answers a refusal on the channel of its frame, with its form and type', () => {
    const channel = { sendRefusal: log('channel refusal') } as unknown as Channel;
    connection.refuse('FORBIDDEN', { id: 'e-1' }, { form: 'nest', eventType: 'chat', channel });
    expect(calls).toEqual([
      ['refused', 'FORBIDDEN', undefined, 'chat'],
      ['channel refusal', 'FORBIDDEN', { id: 'e-1' }, 'nest'],
    ]);
  });

  it('counts a refusal that is sent in another way, and closes for it', () => {
    connection.note('REVOKED', 'why');
    expect(calls).toEqual([
      ['refused', 'REVOKED', 'why', undefined],
      ['closed', 'REVOKED', '/events', 'why'],
      ['close', 4403, 'REVOKED'],
    ]);
    expect(client.counters.refused).toBe(1);
  });

  it('closes once, and does nothing afterwards', () => {
    connection.end('SERVER_SHUTDOWN', { reason: 'why' });
    expect(connection.isOpen || connection.isReceiving).toBe(false);
    const before = [...calls];
    expect(before).toEqual([
      ['send end', 'SERVER_SHUTDOWN', { reason: 'why' }],
      ['closed', 'SERVER_SHUTDOWN', '/events', 'why'],
      ['close', 1001, 'SERVER_SHUTDOWN'],
    ]);
    connection.end('REVOKED');
    connection.refuse('FORBIDDEN');
    connection.closing('REVOKED');
    connection.receive('{}');
    connection.checkDeadlines();
    clock.advance(1e9);
    connection.checkDeadlines();
    expect(calls).toEqual(before);
  });

  it('is not open while its transport is not, and then refuses nothing', () => {
    state.isOpen = false;
    connection.refuse('FORBIDDEN');
    connection.end('REVOKED');
    expect([connection.isOpen, connection.isReceiving, calls]).toEqual([false, true, []]);
  });

  describe('authenticates', () => {
    const answer = (outcome: Parameters<Parameters<Session['authenticate']>[1]>[0]) =>
      jest.spyOn(Session.prototype, 'authenticate').mockImplementation((_, done) => {
        done(outcome);
      });

    it('with a confirmation first, and then its rights and hooks', () => {
      const welcome = { type: 'auth_success' } as never;
      answer({ welcome, hasLostRole: false });
      connection.authenticate('token');
      expect(calls.map(call => (call as string[])[0])).toEqual([
        'send',
        'lift',
        'authenticated',
        'reauthorize',
        'hook',
      ]);
      expect(calls[0]).toEqual(['send', welcome]);
    });

    it('not, and closes if the refusal is final, or answers it otherwise', () => {
      const refusal = new RefusalError('RATE_LIMITED', { retryAfter: 5, reason: 'why' });
      answer({ refusal, isFinal: false });
      connection.authenticate('token');
      expect(named('send refusal')).toEqual([
        ['send refusal', 'RATE_LIMITED', { retryAfter: 5, reason: 'why' }, 'event'],
      ]);
      answer({ refusal, isFinal: true });
      connection.authenticate('token');
      expect(named('send end', 'close')).toEqual([
        ['send end', 'RATE_LIMITED', { retryAfter: 5, reason: 'why' }],
        ['close', 4429, 'RATE_LIMITED'],
      ]);
      expect(named('lift', 'authenticated', 'hook')).toEqual([]);
    });

    it('again only after a charge that grows with the rights to look up', () => {
      const authenticate = answer({ welcome: {} as never, hasLostRole: false });
      const renewals = () => {
        start({ messageRate: 1, messageBurst: 40 }, { user: 'alice' });
        authenticate.mockClear();
        for (let n = 0; n < 40; n++) connection.authenticate('token');
        return authenticate.mock.calls.length;
      };
      expect(renewals()).toBe(10);
      rights = 6;
      expect(renewals()).toBe(4);
      start({ messageRate: 1, messageBurst: 2 });
      authenticate.mockClear();
      for (let n = 0; n < 9; n++) connection.authenticate('token');
      expect(authenticate).toHaveBeenCalledTimes(9);
    });
  });

  describe('with subscriptions', () => {
    const channel = {} as Channel;

    it('charges each pattern and the history before it subscribes', () => {
      start({ messageRate: 1, messageBurst: 20, maxStrikes: 99 }, { user: 'alice' });
      connection.subscribe('subscribe', { patterns: ['a', 'b'] }, channel);
      connection.subscribe('subscribe', { patterns: ['a'], since: 'c' }, channel);
      connection.subscribe('unsubscribe', { patterns: ['a'] }, channel);
      expect(named('subscribe', 'unsubscribe')).toEqual([
        ['subscribe', { patterns: ['a', 'b'] }, expect.any(Function)],
        ['subscribe', { patterns: ['a'], since: 'c' }, expect.any(Function)],
        ['unsubscribe', { patterns: ['a'] }],
      ]);
      connection.subscribe('subscribe', { patterns: ['a'] }, channel);
      expect(named('subscribe')).toHaveLength(2);
      expect(named('refused')).toHaveLength(1);
    });

    it('ends those of a channel that the client has left, once', () => {
      connection.left(channel);
      connection.subscribe('subscribe', { patterns: ['a'] }, channel);
      connection.left({} as Channel);
      expect(named('close subscriptions')).toEqual([]);
      connection.left(channel);
      connection.left(channel);
      expect(named('close subscriptions')).toHaveLength(1);
    });
  });

  describe('at its deadlines', () => {
    it('ends when the session says so, and sends its warning', () => {
      const warning = { type: 'auth_expiring', expires_in: 3 } as const;
      due({ warning });
      connection.checkDeadlines();
      due({ end: 'AUTH_TIMEOUT', reason: 'why' });
      connection.checkDeadlines();
      expect(named('send', 'send end')).toEqual([
        ['send', warning],
        ['send end', 'AUTH_TIMEOUT', { reason: 'why' }],
      ]);
    });

    it('pings, and drops a client that does not answer, but not one whose reading is paused', () => {
      due(undefined);
      jest.spyOn(Math, 'random').mockReturnValue(0);
      const options = { heartbeatInterval: 10_000, idleTimeout: 60_000 };
      start(options);
      const later = () => {
        clock.advance(10_000);
        connection.checkDeadlines();
      };
      connection.checkDeadlines();
      connection.markAlive();
      later();
      state.isPaused = true;
      later();
      state.isPaused = false;
      expect(named('lost', 'drop')).toEqual([]);
      later();
      expect(calls).toEqual([['ping'], ['ping'], ['ping'], ['lost', client, '/events'], ['drop']]);
      start(options, { hasOwnHeartbeat: true });
      for (let n = 0; n < 5; n++) later();
      expect(calls).toEqual([]);
    });

    it('ends a client that sends nothing for connection.idleTimeout', () => {
      due(undefined);
      start({ heartbeatInterval: 10_000, idleTimeout: 60_000 }, { hasOwnHeartbeat: true });
      clock.advance(50_000);
      connection.receive('{}');
      clock.advance(59_999);
      connection.checkDeadlines();
      expect(named('close')).toEqual([]);
      clock.advance(1);
      connection.checkDeadlines();
      expect(named('close')).toEqual([['close', 4000, 'IDLE_TIMEOUT']]);
    });
  });

  it('waits at shutdown for handlers that run, and takes no more messages', async () => {
    connection.receive('{}');
    let isDrained = false;
    const draining = connection.drain().then(() => (isDrained = true));
    connection.receive('{}');
    await new Promise(setImmediate);
    expect([named('decode').length, isDrained]).toEqual([1, false]);
    expect(named('lift')).toHaveLength(1);
    begun[0]!();
    await draining;
  });

  it('releases everything when it is gone', () => {
    connection.closed();
    expect(calls).toEqual([
      ['remove', connection],
      ['forget', client],
    ]);
    connection.receive('{}');
    expect(named('decode')).toEqual([]);
  });

  it('has the memory of its frame again in the next tick', async () => {
    connection.restoreFrame(5);
    expect(connection.frame).toBe(0);
    await new Promise(setImmediate);
    expect(connection.frame).toBe(5);
  });
});
