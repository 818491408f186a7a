import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  Injectable,
  NotFoundException,
  Scope,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { of, throwError, concat } from 'rxjs';
import {
  Authorize,
  clientOf,
  EventMesh,
  OnSemanticEvent,
  Rejection,
  SecureGateway,
  type SecurityEvent,
  SecurityEvents,
  SemanticEventsAdapter,
  type SemanticEventsModuleOptions,
  SignedEvent,
  type UnexpectedErrorContext,
} from '../../lib/index.js';
import { SemanticEventsIoAdapter } from '../../lib/socket.io/index.js';
import { eventually } from '../helpers/eventually.js';
import { IoClient } from '../helpers/io-client.js';
import { captureLog, type LogLine } from '../helpers/log-capture.js';
import { ODD_ERRORS } from '../helpers/odd-errors.js';
import { TelemetryRecorder } from '../helpers/telemetry-recorder.js';
import { JWT_SECRET, TestApp, tokenFor } from '../helpers/test-app.js';
import type { TestClient } from '../helpers/test-client.js';

const boom = new TypeError('boom');
let thrown: unknown = boom;

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class FailingGateway {
  handleConnection(): void {
    if (thrown === 'hook') throw boom;
  }

  @SubscribeMessage('fails')
  @SignedEvent()
  fails() {
    throw thrown;
  }

  @SubscribeMessage('streams')
  streams() {
    return concat(
      of(1),
      throwError(() => thrown),
    );
  }

  @SubscribeMessage('cannot.answer')
  unanswerable() {
    return { value: 1n };
  }

  @SubscribeMessage('undecided')
  @Authorize(() => {
    throw boom;
  })
  undecided() {
    return 'taken';
  }
}

@Injectable()
class FailingListener {
  @OnSemanticEvent('fails')
  fails() {
    throw boom;
  }
}

type Seen = [error: unknown, context: UnexpectedErrorContext];

interface Setup {
  options?: Partial<SemanticEventsModuleOptions>;
  providers?: object[];
  adapter?: typeof SemanticEventsAdapter | typeof SemanticEventsIoAdapter;
  onUnexpected?: (error: unknown, context: UnexpectedErrorContext) => unknown;
}

let log: LogLine[] = [];

async function start({ options = {}, providers = [], adapter, onUnexpected }: Setup = {}) {
  const seen: Seen[] = [];
  const app = await TestApp.start({
    gateways: [FailingGateway],
    options: {
      audit: 'off',
      ...options,
      monitoring: { onUnexpected: onUnexpected ?? ((...args) => seen.push(args)) },
    },
    providers: providers as never,
    ...(adapter && { adapter }),
    prepare: () => {
      log = captureLog();
    },
  });
  return { app, seen };
}

async function codeOf(client: TestClient, type = 'fails') {
  client.emit(type);
  return (await client.next()).code;
}

beforeEach(() => {
  thrown = boom;
});

describe('monitoring.onUnexpected', () => {
  it('receives the error object of a handler, with its source', async () => {
    const { app, seen } = await start();
    const client = await app.login();
    const { id } = client.emit('fails');
    expect((await client.next()).code).toBe('INTERNAL');
    expect(seen).toHaveLength(1);
    expect(seen[0]![0]).toBe(boom);
    expect(seen[0]![1]).toEqual({
      source: 'handler',
      eventType: 'fails',
      eventId: id,
      clientId: expect.any(String),
      userId: 'alice',
    });
  });

  it.each([
    new NotFoundException('order 17'),
    new WsException('out of stock'),
    new Rejection('out of stock'),
  ])('does not receive a rejection: %s', async refusal => {
    const { app, seen } = await start();
    thrown = refusal;
    expect(await codeOf(await app.login())).toBe('REJECTED');
    expect(seen).toEqual([]);
  });

  it('receives the error of a stream, and of a reply that cannot be serialized', async () => {
    const { app, seen } = await start();
    const client = await app.login();
    client.emit('streams');
    expect((await client.next()).type).toBe('event');
    expect((await client.next()).code).toBe('INTERNAL');
    expect(await codeOf(client, 'cannot.answer')).toBe('INTERNAL');
    expect(seen.map(([error, { source }]) => [(error as Error).name, source])).toEqual([
      ['TypeError', 'handler'],
      ['TypeError', 'handler'],
    ]);
  });

  it('receives the type of the event whose answer cannot be sent, and so do the logs', async () => {
    const { app, seen } = await start();
    const refused: SecurityEvent[] = [];
    app.nest.get(SecurityEvents).subscribe(event => refused.push(event));
    const client = await app.login();
    const { id } = client.emit('cannot.answer');
    expect((await client.next()).id).toBe(id);
    const event = { eventType: 'cannot.answer', eventId: id };
    expect(seen).toEqual([[expect.any(TypeError), expect.objectContaining(event)]]);
    const reason = 'the return value of the handler cannot be sent: TypeError was thrown';
    expect(refused).toContainEqual(expect.objectContaining({ eventType: 'cannot.answer', reason }));
    expect(log.map(({ text }) => text)).toContainEqual(
      expect.stringContaining('the return value of the handler cannot be sent: TypeError\n'),
    );
  });

  it('receives the error of an authorization check', async () => {
    const { app, seen } = await start();
    expect(await codeOf(await app.login(), 'undecided')).toBe('UNAVAILABLE');
    expect(seen).toEqual([[boom, { source: '@Authorize' }]]);
  });

  it.each<[string, SemanticEventsModuleOptions['auth']]>([
    ['auth.validateToken', { validateToken: () => Promise.reject(boom) }],
    [
      'auth.jwt.keyProvider',
      {
        jwt: {
          algorithms: ['HS256'],
          keyProvider: () => {
            throw boom;
          },
        },
      },
    ],
    [
      'auth.jwt.toUser',
      {
        jwt: {
          secret: JWT_SECRET,
          toUser: () => {
            throw boom;
          },
        },
      },
    ],
  ])('receives the error of %s', async (source, auth) => {
    const { app, seen } = await start({ options: { auth } });
    const answer = await (await app.connect()).authenticate(tokenFor('alice'));
    expect(answer.code).toBe('UNAVAILABLE');
    expect(seen).toEqual([[boom, { source }]]);
  });

  it('receives the error of a subscription check', async () => {
    const allow = () => {
      throw boom;
    };
    const { app, seen } = await start({ options: { mesh: { allow } } });
    const client = await app.login();
    client.sendJson({ type: 'subscribe', patterns: ['ui.*'] });
    expect((await client.next()).code).toBe('UNAVAILABLE');
    expect(seen).toEqual([[boom, { source: 'EventAuthorizer.canSubscribe' }]]);
  });

  it('receives the error of a mesh handler and of a hook', async () => {
    const { app, seen } = await start({ providers: [FailingListener] });
    await app.nest.get(EventMesh).emit('fails', 1);
    await eventually(() => seen.length === 1);
    expect(seen[0]).toEqual([boom, { source: 'FailingListener.fails' }]);
    thrown = 'hook';
    await app.connect();
    await eventually(() => seen.length === 2);
    expect(seen[1]).toEqual([boom, { source: 'hook', clientId: expect.any(String) }]);
  });

  it.each(Object.entries(ODD_ERRORS))('receives %s', async (_, make) => {
    const { app, seen } = await start();
    thrown = make();
    expect(await codeOf(await app.login())).toBe('INTERNAL');
    expect(seen.map(([error]) => Object.is(error, thrown))).toEqual([true]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('hook');
      },
    ],
    ['rejects', () => Promise.reject(new Error('hook'))],
    ['never settles', () => new Promise(() => undefined)],
  ])('that %s does not change the answer', async (name, onUnexpected) => {
    const { app } = await start({ onUnexpected });
    const client = await app.login();
    expect(await codeOf(client)).toBe('INTERNAL');
    expect(await codeOf(client)).toBe('INTERNAL');
    const failed = log.filter(({ text }) => text.startsWith('monitoring.onUnexpected failed'));
    expect(failed).toHaveLength(name === 'never settles' ? 0 : 2);
  });

  it('receives the error of a handler under Socket.IO', async () => {
    const { app, seen } = await start({ adapter: SemanticEventsIoAdapter });
    const client = await IoClient.login(app);
    client.send(client.event('undecided', 1));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([[boom, { source: '@Authorize' }]]);
  });

  it('does not receive errors of another application after it closed', async () => {
    const first = await start();
    await first.app.nest.close();
    const { app, seen } = await start();
    await codeOf(await app.login(), 'undecided');
    expect(seen).toHaveLength(1);
    expect(first.seen).toEqual([]);
  });
});

describe('a global exception filter of the application', () => {
  const caught: [error: unknown, type: string, user: unknown][] = [];

  beforeEach(() => {
    caught.length = 0;
  });

  @Catch()
  class Reporter implements ExceptionFilter {
    catch(error: unknown, host: ArgumentsHost) {
      const socket = host.switchToWs().getClient<{ send?(text: string): void }>();
      socket.send?.('an answer of its own');
      caught.push([error, host.getType(), clientOf(socket).user?.id]);
    }
  }

  @Catch(RangeError)
  class RangeErrors extends Reporter {}

  @Injectable({ scope: Scope.REQUEST })
  @Catch()
  class ScopedReporter extends Reporter {}

  @Catch()
  class FailingReporter implements ExceptionFilter {
    catch(_: unknown, host: ArgumentsHost) {
      // A filter that was written for HTTP only.
      host.switchToHttp().getResponse<{ status(code: number): void }>().status(500);
    }
  }

  it.each([Reporter, ScopedReporter])(
    'sees an unexpected error and cannot answer it: %p',
    async filter => {
      const { app, seen } = await start({ providers: [{ provide: APP_FILTER, useClass: filter }] });
      const client = await app.login();
      expect(await codeOf(client)).toBe('INTERNAL');
      await eventually(() => caught.length > 0);
      expect(caught).toEqual([[boom, 'ws', 'alice']]);
      expect(await codeOf(client, 'unknown')).toBe('UNKNOWN_EVENT');
      expect(seen).toHaveLength(1);
    },
  );

  it('sees errors without a client, too', async () => {
    const auth = { validateToken: () => Promise.reject(boom) };
    const { app } = await start({
      options: { auth },
      providers: [{ provide: APP_FILTER, useClass: Reporter }],
    });
    await (await app.connect()).authenticate('token');
    expect(caught).toEqual([[boom, 'ws', undefined]]);
  });

  it('sees what its @Catch() names, and no rejections', async () => {
    const { app } = await start({ providers: [{ provide: APP_FILTER, useClass: RangeErrors }] });
    const client = await app.login();
    expect(await codeOf(client)).toBe('INTERNAL');
    thrown = new NotFoundException();
    expect(await codeOf(client)).toBe('REJECTED');
    expect(caught).toEqual([]);
    thrown = new RangeError('far');
    expect(await codeOf(client)).toBe('INTERNAL');
    expect(caught).toHaveLength(1);
  });

  it('that fails does not change the answer, and the hook still receives the error', async () => {
    const { app, seen } = await start({
      providers: [{ provide: APP_FILTER, useClass: FailingReporter }],
    });
    expect(await codeOf(await app.login())).toBe('INTERNAL');
    expect(seen).toHaveLength(1);
    expect(log.map(({ text }) => text).join('\n')).toMatch(
      /An exception filter of the application failed\. .*host\.getType\(\) is not 'http'\. TypeError/,
    );
  });
});

describe('the span of a handler', () => {
  it('has the unexpected error', async () => {
    const recorder = new TelemetryRecorder();
    const { app } = await start({ options: { telemetry: recorder.telemetry() } });
    expect(await codeOf(await app.login())).toBe('INTERNAL');
    const [event, ...others] = recorder.spans.at(-1)!.events;
    expect(others).toEqual([]);
    expect(event!.attributes).toEqual({
      'exception.type': 'TypeError',
      'exception.stacktrace': expect.stringMatching(/^TypeError\n {4}at .*unexpected-errors/),
    });
  });

  it('has a name without line breaks and control characters', async () => {
    thrown = Object.assign(new Error('unknown'), { name: `Bad\n\u001b[2J${'x'.repeat(5000)}` });
    const recorder = new TelemetryRecorder();
    const { app } = await start({ options: { telemetry: recorder.telemetry() } });
    expect(await codeOf(await app.login())).toBe('INTERNAL');
    const type = recorder.spans.at(-1)!.events[0]!.attributes!['exception.type'] as string;
    expect(type).toMatch(/^Bad\P{C}+$/u);
    expect(type.length).toBeLessThan(1000);
  });

  it.each(Object.entries(ODD_ERRORS))('survives %s', async (_, make) => {
    thrown = make();
    const recorder = new TelemetryRecorder();
    const { app } = await start({ options: { telemetry: recorder.telemetry() } });
    expect(await codeOf(await app.login())).toBe('INTERNAL');
    expect(recorder.spans.at(-1)?.events).toHaveLength(1);
  });
});
