import type { CanActivate, Type } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import {
  AuthenticatedGuard,
  EventAuthorizer,
  Public,
  Roles,
  type SubscribeDecision,
} from '../../../lib/auth/index.js';
import { EventAuthorizationGuard } from '../../../lib/auth/event-authorization.guard.js';
import { Client } from '../../../lib/connection/index.js';
import type { RefusalException } from '../../../lib/handler/index.js';
import { GUARDS_METADATA } from '../../../lib/handler/nest-metadata.js';
import { RefusalError } from '../../../lib/protocol/index.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { captureLog } from '../../helpers/log-capture.js';
import { refusalOf } from '../../helpers/refusal-of.js';
import { resolvedOptions } from '../../helpers/resolved-options.js';
import { clientAt, wsContext } from '../../helpers/ws-context.js';

const event = { specversion: '1.0', type: 'handle', source: 's', id: '1' };

describe('AuthenticatedGuard', () => {
  const clock = new FakeClock();
  const activate = (gateway: Type, method: string, client?: Client) =>
    new AuthenticatedGuard(clock).canActivate(wsContext(gateway, method, { client }));
  const outcome = (gateway: Type, method: string, client?: Client) =>
    refusalOf(() => activate(gateway, method, client));

  class Private {
    closed() {}

    @Public()
    open() {}
  }
  @Public()
  class Open extends Private {
    inOpen() {}

    @Public(false)
    closedInOpen() {}
  }
  class Inheriting extends Open {
    own() {}
  }

  it.each<[Type, string, string | undefined]>([
    [Private, 'closed', 'UNAUTHENTICATED'],
    [Private, 'open', undefined],
    [Open, 'inOpen', undefined],
    [Open, 'closedInOpen', 'UNAUTHENTICATED'],
    [Inheriting, 'own', 'UNAUTHENTICATED'],
  ])('decides about a client without a user at %p.%s: %s', (gateway, method, code) => {
    expect(outcome(gateway, method)).toBe(code);
    expect(outcome(gateway, method, clientAt('192.0.2.1', 'alice'))).toBeUndefined();
  });

  it('rejects a user from the end of the session on', () => {
    const client = new Client({ address: '192.0.2.1', url: '/', headers: {} }, 0);
    client.authenticateAs({ id: 'alice' }, clock.now() + 1);
    expect(outcome(Private, 'closed', client)).toBeUndefined();
    clock.advance(1);
    expect(outcome(Private, 'closed', client)).toBe('SESSION_EXPIRED');
    expect(outcome(Private, 'open', client)).toBeUndefined();
  });

  it('tells operators whether a client has no session or an expired one', () => {
    const reasonFor = (client?: Client) => {
      try {
        return activate(Private, 'closed', client);
      } catch (error) {
        return (error as RefusalException).reason;
      }
    };
    const expired = clientAt('192.0.2.1');
    expired.authenticateAs({ id: 'alice' }, clock.now());
    expect(reasonFor()).toBe('the client has not sent a token');
    expect(reasonFor(expired)).toBe('the session has expired');
  });
});

describe('@Roles', () => {
  class Gateway {
    @Roles('admin', 'editor')
    handle() {}
  }
  const [Guard] = Reflect.getMetadata(GUARDS_METADATA, Gateway.prototype.handle) as [
    Type<CanActivate>,
  ];

  it.each<[unknown, string | undefined]>([
    [['admin'], undefined],
    [['viewer', 'editor'], undefined],
    [['viewer'], 'FORBIDDEN'],
    [[], 'FORBIDDEN'],
    [undefined, 'FORBIDDEN'],
    ['admin', 'FORBIDDEN'],
    [{ admin: true }, 'FORBIDDEN'],
  ])('decides about a user with the roles %j: %s', (roles, code) => {
    const client = clientAt('192.0.2.1');
    client.authenticateAs({ id: 'alice', roles } as never, Infinity);
    const call = () => new Guard().canActivate(wsContext(Gateway, 'handle', { client }));
    expect(refusalOf(call)).toBe(code);
  });

  it('rejects a client without a user', () => {
    expect(refusalOf(() => new Guard().canActivate(wsContext(Gateway, 'handle')))).toBe(
      'FORBIDDEN',
    );
  });
});

describe('EventAuthorizationGuard', () => {
  class Gateway {
    handle() {}
  }
  class Authorizer extends EventAuthorizer {
    readonly calls: unknown[] = [];

    constructor(private readonly answer: () => unknown) {
      super();
    }

    canPublish(client: Client, given: unknown): boolean {
      this.calls.push([client.user?.id, given]);
      return this.answer() as boolean;
    }

    canSubscribe(): SubscribeDecision {
      return true;
    }
  }
  const options = resolvedOptions({ auth: { validateToken: () => null, timeout: 20 } });
  const activate = async (authorizer: EventAuthorizer, data: unknown = event) =>
    new EventAuthorizationGuard(authorizer, options).canActivate(
      wsContext(Gateway, 'handle', { data, client: clientAt('192.0.2.1', 'alice') }),
    );

  it('passes client and event to the authorizer', async () => {
    const authorizer = new Authorizer(() => true);
    expect(await activate(authorizer)).toBe(true);
    expect(authorizer.calls).toEqual([['alice', event]]);
  });

  it.each([false, undefined, null, 1, 'true', {}])(
    'rejects the event if the answer is %p instead of true',
    async answer => {
      const rejection = { code: 'FORBIDDEN', reason: 'EventAuthorizer.canPublish said no' };
      for (const given of [answer, Promise.resolve(answer)])
        await expect(activate(new Authorizer(() => given))).rejects.toMatchObject(rejection);
    },
  );

  it.each([
    ['throws', 'UNAVAILABLE', new Error('down')],
    ['rejects as forbidden', 'FORBIDDEN', new RefusalError('FORBIDDEN', { reason: 'mine' })],
    ['has an outage', 'UNAVAILABLE', new RefusalError('UNAVAILABLE', { reason: 'mine' })],
  ])('answers an authorizer that %s with %s', async (_, code, error) => {
    captureLog();
    const reason = error instanceof RefusalError ? 'mine' : 'EventAuthorizer.canPublish: ';
    const rejection = { code, reason: expect.stringContaining(reason) as string };
    const fail = () => {
      throw error;
    };
    await expect(activate(new Authorizer(fail))).rejects.toMatchObject(rejection);
    await expect(activate(new Authorizer(() => Promise.reject(error)))).rejects.toMatchObject(
      rejection,
    );
  });

  it('passes on a Nest exception that an authorizer throws', async () => {
    const exception = new WsException('no');
    const fail = () => {
      throw exception;
    };
    await expect(activate(new Authorizer(fail))).rejects.toBe(exception);
  });

  it('answers UNAVAILABLE if the authorizer takes longer than auth.timeout', async () => {
    const log = captureLog();
    await expect(
      activate(new Authorizer(() => new Promise(() => undefined))),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(log.map(({ context }) => context)).toContain('Authorization');
    expect(log.map(({ text }) => text).join()).toContain(
      'EventAuthorizer.canPublish does not answer',
    );
  });

  it('rejects an invalid event without calling the authorizer, and ignores messages that are not events', async () => {
    const authorizer = new Authorizer(() => false);
    await expect(activate(authorizer, { ...event, source: '' })).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    });
    expect(await activate(authorizer, { x: 1 })).toBe(true);
    expect(await activate(authorizer, 'text')).toBe(true);
    expect(authorizer.calls).toEqual([]);
  });

  it('forbids every room unless the authorizer allows it', () => {
    expect(new Authorizer(() => true).canJoin(clientAt('192.0.2.1'), 'room')).toBe(false);
  });
});
