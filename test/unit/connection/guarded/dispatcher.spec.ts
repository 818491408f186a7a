import { Logger } from '@nestjs/common';
import { Observable, Subject } from 'rxjs';
import type { Connection } from '../../../../lib/connection/guarded/connection.js';
import { Dispatcher } from '../../../../lib/connection/guarded/dispatcher.js';
import { decode } from '../../../../lib/connection/guarded/frame-codec.js';
import type { Channel } from '../../../../lib/connection/guarded/transport.js';
import {
  createEvent,
  jsonOf,
  markReceived,
  receivedAs,
  type SemanticEvent,
} from '../../../../lib/event/index.js';
import { RouteTable } from '../../../../lib/gateway/index.js';
import { Integradio } from '../../../../lib/integradio/index.js';
import { CLOUDEVENTS_PROTOCOL, NATIVE_PROTOCOL } from '../../../../lib/protocol/index.js';
import { EventSigner, ReplySigner } from '../../../../lib/signing/index.js';
import { FakeClock } from '../../../helpers/fake-clock.js';
import { captureLog, type LogLine } from '../../../helpers/log-capture.js';
import { resolvedOptions } from '../../../helpers/resolved-options.js';
import type { Json } from '../../../helpers/test-client.js';
import { clientAt } from '../../../helpers/ws-context.js';

const options = resolvedOptions();
const EVENT = createEvent({ type: 'open', source: '/app', id: 'e-1', data: { a: 1 } });
const MESSAGES = ['open', 'closed', 'both', 'both'];
const settle = async () => {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
};

describe('frames of a client', () => {
  let lines: LogLine[];
  let clock: FakeClock;
  let calls: unknown[];
  let sent: Json[];
  let state: { isOpen: boolean; isAnonymous: boolean; running: number };
  let mayCharge: boolean;
  let spent: number;
  /** The handlers of `MESSAGES`, in order. The first one and the last one are `@Public()`. */
  let handlers: ((data: unknown) => unknown)[];
  let dispatcher: Dispatcher;
  let subprotocol: typeof NATIVE_PROTOCOL | typeof CLOUDEVENTS_PROTOCOL;
  let compatible: Integradio | null;

  const log =
    (name: string) =>
    (...given: unknown[]) => {
      calls.push([name, ...given]);
    };

  beforeEach(() => {
    lines = captureLog();
    clock = new FakeClock();
    calls = [];
    sent = [];
    state = { isOpen: true, isAnonymous: false, running: 0 };
    mayCharge = true;
    spent = 0;
    subprotocol = NATIVE_PROTOCOL;
    compatible = null;
    handlers = [0, 1, 2, 3].map(at => (data: unknown) => {
      calls.push([`handler ${at}`, data]);
    });
    const client = clientAt('192.0.2.1', 'alice');
    const connection = {
      client,
      get isOpen() {
        return state.isOpen;
      },
      get isAnonymous() {
        return state.isAnonymous;
      },
      begin: () => {
        state.running++;
        return () => state.running--;
      },
      streaming: () => () => undefined,
      charge: (units: number) => {
        calls.push(['charge', units]);
        return mayCharge;
      },
      authenticate: log('authenticate'),
      subscribe: (kind: string, { patterns }: Json) => calls.push([kind, patterns]),
      services: {
        clock,
        options,
        logger: new Logger('test'),
        get compatible() {
          return compatible;
        },
        errors: { report: log('report') },
        replies: new ReplySigner(new EventSigner(options, clock), clock, options),
        limiter: { spent: { retryAfter: () => spent } },
      },
    };
    const channel = {
      get subprotocol() {
        return subprotocol;
      },
      send: (text: string) => sent.push(JSON.parse(text) as Json),
      refuse: (code: string, details: Json = {}, form?: string, type?: string) =>
        calls.push(['refuse', code, details, form, type]),
    };
    dispatcher = new Dispatcher(
      connection as unknown as Connection,
      channel as unknown as Channel,
      new RouteTable(),
    );
    dispatcher.bind(
      { messages: MESSAGES.slice(0, 3), isPublic: [true, false, false], isSecure: true },
      handlers.slice(0, 3).map((_, at) => data => handlers[at]!(data)),
    );
    dispatcher.bind({ messages: ['both'], isPublic: [true], isSecure: false }, [
      data => handlers[3]!(data),
    ]);
  });

  const receive = (frame: unknown) => {
    decode(Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame)), dispatcher);
  };
  const named = (name: string) => calls.filter(call => (call as unknown[])[0] === name);
  const refusals = () =>
    named('refuse').map(call => {
      const [, code, details] = call as [string, string, Json];
      return [code, details.id];
    });

  it('are answered if they are a ping, with the time of the server', () => {
    receive({ type: 'ping' });
    expect(sent).toEqual([{ type: 'pong', time: new Date(clock.now()).toISOString() }]);
  });

  it('authenticate, and subscribe only after authentication', () => {
    receive({ type: 'auth', token: 't' });
    for (const type of ['subscribe', 'unsubscribe']) receive({ type, patterns: ['a'] });
    state.isAnonymous = true;
    for (const type of ['subscribe', 'unsubscribe']) receive({ type, patterns: ['a'] });
    const early = { reason: 'a subscription before authentication' };
    expect(calls).toEqual([
      ['authenticate', 't'],
      ['subscribe', ['a']],
      ['unsubscribe', ['a']],
      ['refuse', 'UNAUTHENTICATED', early, undefined, undefined],
      ['refuse', 'UNAUTHENTICATED', early, undefined, undefined],
    ]);
  });

  it('are refused with the reason if they are no frame', () => {
    receive('ping');
    expect(calls).toEqual([
      [
        'refuse',
        'BAD_FRAME',
        { retryAfter: undefined, reason: 'the frame is not JSON' },
        undefined,
        undefined,
      ],
    ]);
  });

  it('reach the handlers of their type, validated and marked with their form', async () => {
    let json: unknown;
    handlers[0] = data => {
      calls.push([receivedAs(data), data]);
      json = jsonOf(data as SemanticEvent)?.toString();
    };
    receive({ type: 'event', event: EVENT });
    await settle();
    expect(calls).toEqual([['event', EVENT]]);
    expect(json).toBe(JSON.stringify(EVENT));
    subprotocol = CLOUDEVENTS_PROTOCOL;
    receive(EVENT);
    expect(json).toBe(JSON.stringify(EVENT));
    receive(`{"event":"open","data":${JSON.stringify(EVENT)}}`);
    expect(refusals()).toEqual([['BAD_FRAME', undefined]]);
    subprotocol = NATIVE_PROTOCOL;
    handlers[1] = data => {
      calls.push(['plain', data]);
      json = jsonOf(data as SemanticEvent)?.toString();
    };
    receive('{"event":"closed","data":{"x":1}}');
    expect(calls.at(-1)).toEqual(['plain', { x: 1 }]);
    expect(json).toBe('{"x":1}');
    await settle();
    expect(state.running).toBe(0);
  });

  it('reach no handler if their event is invalid, and name its rule to authenticated clients', () => {
    receive({ type: 'event', event: { ...EVENT, source: '' } });
    state.isAnonymous = true;
    receive({ type: 'event', event: { ...EVENT, source: '' } });
    expect(refusals()).toEqual([
      ['INVALID_EVENT', 'e-1'],
      ['UNAUTHENTICATED', 'e-1'],
    ]);
    expect(named('handler 0')).toEqual([]);
  });

  it('reach no handler if JSON readers disagree about plain data', () => {
    const text = '{"event":"open","data":{"a":-0}}';
    receive(text);
    state.isAnonymous = true;
    receive(text);
    expect(calls).toEqual(
      ['INVALID_EVENT', 'UNAUTHENTICATED'].map(code => [
        'refuse',
        code,
        { reason: 'data is too deep, or has a member or number that JSON readers do not agree on' },
        'nest',
        'open',
      ]),
    );
  });

  it('are refused if no handler has their type', () => {
    receive({ type: 'event', event: { ...EVENT, type: 'other' } });
    receive({ event: 'constructor', data: EVENT });
    expect(named('refuse')).toEqual(
      [
        ['event', 'other'],
        ['nest', 'constructor'],
      ].map(([form, type]) => [
        'refuse',
        'UNKNOWN_EVENT',
        { id: 'e-1', reason: 'no @SubscribeMessage of a gateway at this path has this type' },
        form,
        type,
      ]),
    );
  });

  it('of a client without a user reach @Public() handlers and no others', () => {
    state.isAnonymous = true;
    for (const type of ['open', 'closed', 'both', 'other'])
      receive({ type: 'event', event: { ...EVENT, type } });
    const reached = calls.filter(call => /^handler/.test((call as [string])[0]));
    expect(reached.map(call => (call as [string])[0])).toEqual(['handler 0', 'handler 3']);
    expect(refusals()).toEqual([
      ['UNAUTHENTICATED', 'e-1'],
      ['UNAUTHENTICATED', 'e-1'],
    ]);
    state.isAnonymous = false;
    receive({ type: 'event', event: { ...EVENT, type: 'both' } });
    expect([named('handler 2').length, named('handler 3').length]).toEqual([1, 2]);
  });

  it('are refused first of all if the limit of their only handler is used up', () => {
    spent = 5;
    receive({ type: 'event', event: { ...EVENT, source: '' } });
    receive({ event: 'open', data: { id: 7 } });
    const reason = 'the limit of the handler is used up';
    expect(calls).toEqual([
      ['refuse', 'RATE_LIMITED', { id: 'e-1', retryAfter: 5, reason }, 'event', 'open'],
      ['refuse', 'RATE_LIMITED', { id: undefined, retryAfter: 5, reason }, 'nest', 'open'],
    ]);
    calls = [];
    receive({ type: 'event', event: { ...EVENT, type: 'both' } });
    for (const event of [null, 'open', {}]) receive({ type: 'event', event });
    expect([named('handler 2').length, named('handler 3').length]).toEqual([1, 1]);
    expect(refusals().map(([code]) => code)).toEqual(Array(3).fill('INVALID_EVENT'));
  });

  it('of the compatible mode are charged four times, before their text is formatted', () => {
    compatible = new Integradio();
    const event = { ...EVENT, semanticsignature: 'a'.repeat(64), semanticnonce: 'n'.repeat(16) };
    let json: unknown = 'none';
    const [handler] = handlers;
    handlers[0] = data => {
      json = jsonOf(data as SemanticEvent);
      return handler!(data);
    };
    receive({ type: 'event', event });
    // The handler receives another object than the one that was parsed.
    expect(json).toBeUndefined();
    expect(named('charge')).toEqual([['charge', 3]]);
    expect(named('handler 0')).toHaveLength(1);
    mayCharge = false;
    receive({ type: 'event', event });
    expect(named('handler 0')).toHaveLength(1);
    compatible = null;
    calls = [];
    receive({ type: 'event', event });
    expect(named('charge')).toEqual([]);
  });

  describe('are answered', () => {
    it('with a signed event if they are an event', async () => {
      handlers[0] = () => Promise.resolve({ type: 'auth_success' });
      receive({ type: 'event', event: EVENT });
      await settle();
      expect(sent).toMatchObject([
        {
          type: 'event',
          event: {
            type: 'open.reply',
            semanticcorrelationid: 'e-1',
            data: { type: 'auth_success' },
          },
        },
      ]);
    });

    it("with Nest's own frame if their answer is plain, and with nothing for no result", async () => {
      const results = [{ event: 'reply', data: 1 }, undefined, null, 0, ''];
      for (const result of results) {
        handlers[0] = () => result;
        receive({ event: 'open', data: 1 });
      }
      await settle();
      expect(sent).toEqual([{ event: 'reply', data: 1 }, 0, '']);
    });

    it("with a signed event in Nest's own frame, if a guard of a secure gateway has marked theirs", async () => {
      const answer = (data: unknown) => {
        if (isMarked) markReceived(data as SemanticEvent, 'nest');
        return 1;
      };
      let isMarked = false;
      handlers = [answer, answer, answer, () => undefined];
      receive({ event: 'closed', data: EVENT });
      isMarked = true;
      receive({ event: 'closed', data: EVENT });
      await settle();
      expect(sent).toMatchObject([
        1,
        { event: 'open.reply', data: { data: 1, semanticcorrelationid: 'e-1' } },
      ]);
      sent = [];
      handlers = [() => undefined, () => undefined, () => undefined, answer];
      receive({ event: 'both', data: EVENT });
      await settle();
      expect(sent).toEqual([1]);
    });

    it('with INTERNAL if the answer would be a frame of the server, or a promise inside', async () => {
      for (const result of [{ type: 'auth_success' }, { a: Promise.reject(new Error('x')) }]) {
        handlers[0] = () => result;
        receive({ event: 'open', data: { id: 'm-1', specversion: '1.0' } });
      }
      await settle();
      expect(sent).toEqual([]);
      expect(refusals().map(([code]) => code)).toEqual(['INTERNAL', 'INTERNAL']);
      expect(lines.map(({ text }) => text).join()).toContain('which only the server may send');
      expect(named('report')).toHaveLength(2);
    });

    it('with INTERNAL if a filter fails, and the running handler has ended', async () => {
      handlers[0] = () => Promise.reject(new TypeError('canary'));
      receive({ type: 'event', event: EVENT });
      expect(state.running).toBe(1);
      await settle();
      expect(state.running).toBe(0);
      expect(calls[0]).toEqual([
        'refuse',
        'INTERNAL',
        { id: 'e-1', reason: 'TypeError was thrown' },
        'event',
        'open',
      ]);
      expect(JSON.stringify(calls[0])).not.toContain('canary');
    });

    it('with each result of a stream, until it ends or fails', async () => {
      const results = new Subject<unknown>();
      handlers[0] = () => results;
      receive({ event: 'open', data: 1 });
      await settle();
      for (const n of [1, 2]) results.next(n);
      await settle();
      expect([sent, state.running]).toEqual([[1, 2], 1]);
      results.error(new Error('x'));
      await settle();
      expect([refusals(), state.running]).toEqual([[['INTERNAL', undefined]], 0]);
    });

    it('no longer once the connection has ended: streams end, and promises count as handled', async () => {
      const results = new Subject<unknown>();
      handlers[0] = () => results;
      receive({ event: 'open', data: 1 });
      await settle();
      expect(results.observed).toBe(true);
      state.isOpen = false;
      results.next(1);
      expect(results.observed).toBe(false);
      handlers[1] = () => ({ data: Promise.reject(new Error('unhandled')) });
      receive({ event: 'closed', data: 1 });
      await settle();
      expect([sent, state.running]).toEqual([[], 0]);
    });

    it('no longer after the end, even if a stream cannot be unsubscribed', async () => {
      const other = new Subject<unknown>();
      const broken = new Observable(() => () => {
        throw new Error('teardown');
      });
      handlers[0] = () => broken;
      handlers[1] = () => other;
      receive({ event: 'open', data: 1 });
      receive({ event: 'closed', data: 1 });
      await settle();
      dispatcher.stop();
      expect(other.observed).toBe(false);
      expect(lines.map(({ text }) => text).join()).toContain('teardown');
    });

    it('by no handler after the end: streams are unsubscribed, and none begins', async () => {
      const [first, second] = [new Subject<unknown>(), new Subject<unknown>()];
      handlers[0] = () => first;
      handlers[1] = async () => {
        await settle();
        return second;
      };
      receive({ event: 'open', data: 1 });
      receive({ event: 'closed', data: 1 });
      await new Promise(setImmediate);
      dispatcher.stop();
      dispatcher.stop();
      await settle();
      await settle();
      expect([first.observed, second.observed, state.running]).toEqual([false, false, 0]);
      calls = [];
      receive({ event: 'open', data: 1 });
      expect(named('handler 0')).toEqual([]);
    });
  });
});
