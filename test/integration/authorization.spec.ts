import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, ContextIdFactory, ModuleRef } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Authorize,
  type Client,
  clientOf,
  EventAuthorizer,
  EventData,
  Roles,
  SecureGateway,
  type SemanticEvent,
  SemanticEventsModule,
  SignedEvent,
} from '../../lib/index.js';
import { JWT_SECRET, RING_KEY, TestApp, tokenFor } from '../helpers/test-app.js';

const calls: string[] = [];
const seen: unknown[] = [];

@Injectable()
class SeesUser implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    seen.push(clientOf(context.switchToWs().getClient<object>()).user?.id);
    return true;
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerMessage {
  readonly name = 'per message';
}

const owns = (client: Client, event: SemanticEvent) =>
  (event.data as { owner?: unknown } | undefined)?.owner === client.user?.id;

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class AuthorizedGateway {
  constructor(private readonly modules: ModuleRef) {}

  @SubscribeMessage('doc.edit')
  @Authorize(owns)
  @SignedEvent()
  edit() {
    calls.push('doc.edit');
    return 'edited';
  }

  @SubscribeMessage('doc.later')
  @Authorize(async (client, event) => Promise.resolve(owns(client, event)))
  later() {
    return 'edited';
  }

  @SubscribeMessage('doc.undefined')
  @Authorize(() => undefined as never)
  none() {
    calls.push('doc.undefined');
  }

  @SubscribeMessage('doc.truthy')
  @Authorize(() => 'yes' as never)
  truthy() {
    calls.push('doc.truthy');
  }

  @SubscribeMessage('doc.throws')
  @Authorize(() => {
    throw new Error('secret');
  })
  throws() {
    calls.push('doc.throws');
  }

  @SubscribeMessage('doc.rejects')
  @Authorize(() => Promise.reject(new Error('secret')))
  rejects() {
    calls.push('doc.rejects');
  }

  @SubscribeMessage('doc.both')
  @Roles('editor', 'admin')
  @Authorize(owns)
  both() {
    return 'both';
  }

  @SubscribeMessage('plain.admin')
  @Roles('admin')
  plain() {
    return { event: 'plain.admin', data: 'ok' };
  }

  @SubscribeMessage('guarded')
  @UseGuards(SeesUser)
  guarded() {
    return 'guarded';
  }

  @SubscribeMessage('scoped')
  async scoped(@EventData() _: unknown) {
    const provider = await this.modules.resolve(PerMessage, ContextIdFactory.create());
    return provider.name;
  }
}

@WebSocketGateway({ path: '/admin' })
@SecureGateway()
@Roles('admin')
class AdminGateway {
  @SubscribeMessage('admin.reset')
  reset() {
    return 'reset';
  }

  @SubscribeMessage('admin.audit')
  @Roles('auditor')
  audit() {
    return 'audit';
  }
}

const start = (setup: Partial<Parameters<typeof TestApp.start>[0]> = {}) =>
  TestApp.start({
    gateways: [AuthorizedGateway, AdminGateway],
    ...setup,
    providers: [PerMessage, ...(setup.providers ?? [])],
  });

async function enter(app: TestApp, user: string, roles: unknown = [], path = '/events') {
  const client = await app.connect(path);
  await client.authenticate(tokenFor(user, { roles }));
  return client;
}

beforeEach(() => {
  calls.length = 0;
  seen.length = 0;
});

describe('@Authorize', () => {
  it.each(['doc.edit', 'doc.later'])('allows %s if its check allows it', async type => {
    const client = await enter(await start(), 'alice');
    client.emit(type, { owner: 'alice' });
    expect((await client.next()).event.data).toBe('edited');
    const { id } = client.emit(type, { owner: 'bob' });
    expect(await client.next()).toMatchObject({ code: 'FORBIDDEN', status: 403, id });
  });

  it.each([
    ['FORBIDDEN', 'doc.undefined'],
    ['FORBIDDEN', 'doc.truthy'],
    ['UNAVAILABLE', 'doc.throws'],
    ['UNAVAILABLE', 'doc.rejects'],
  ])('rejects with %s for %s, and sends no details', async (code, type) => {
    const client = await enter(await start(), 'alice');
    client.emit(type, 1);
    const answer = await client.next();
    expect(answer.code).toBe(code);
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(calls).toEqual([]);
    client.sendJson({ type: 'ping' });
    expect((await client.next()).type).toBe('pong');
  });

  it('checks after the signature, whatever the order of decorators', async () => {
    const client = await enter(await start(), 'alice');
    const event = { ...client.event('doc.edit', { owner: 'bob' }), data: { owner: 'alice' } };
    client.sendJson({ type: 'event', event });
    expect((await client.next()).code).toBe('INVALID_SIGNATURE');
    expect(calls).toEqual([]);
  });

  it("accepts events only, even in Nest's frame", async () => {
    const client = await enter(await start(), 'alice');
    client.sendJson({ event: 'doc.later', data: { owner: 'alice' } });
    expect(await client.next()).toMatchObject({ data: { code: 'INVALID_EVENT' } });
  });
});

describe('@Roles', () => {
  it.each([
    [['admin'], 'reset'],
    [['member', 'admin'], 'reset'],
    [['Admin'], 'FORBIDDEN'],
    [[], 'FORBIDDEN'],
    ['admin', 'FORBIDDEN'],
    [undefined, 'FORBIDDEN'],
  ])('on a gateway applies to every handler: %j is answered by %s', async (roles, answer) => {
    const client = await enter(await start(), 'alice', roles, '/admin');
    client.emit('admin.reset');
    const { code, event } = await client.next();
    expect(code ?? event.data).toBe(answer);
  });

  it.each([
    [['admin', 'auditor'], 'audit'],
    [['admin'], 'FORBIDDEN'],
    [['auditor'], 'FORBIDDEN'],
  ])('on gateway and method must both match: %j is answered by %s', async (roles, answer) => {
    const client = await enter(await start(), 'alice', roles, '/admin');
    client.emit('admin.audit');
    const { code, event } = await client.next();
    expect(code ?? event.data).toBe(answer);
  });

  it('must pass together with @Authorize', async () => {
    const client = await enter(await start(), 'alice', ['editor']);
    client.emit('doc.both', { owner: 'alice' });
    expect((await client.next()).event.data).toBe('both');
    client.emit('doc.both', { owner: 'bob' });
    expect((await client.next()).code).toBe('FORBIDDEN');
  });

  it("guards Nest's own frames", async () => {
    const app = await start();
    const [alice, bob] = [await enter(app, 'alice', ['admin']), await enter(app, 'bob')];
    for (const client of [alice, bob]) client.sendJson({ event: 'plain.admin', data: 1 });
    expect(await alice.next()).toEqual({ event: 'plain.admin', data: 'ok' });
    expect(await bob.next()).toMatchObject({ event: 'exception', data: { code: 'FORBIDDEN' } });
  });
});

describe('EventAuthorizer', () => {
  it('can be replaced by DI, and its failure is UNAVAILABLE, not a verdict', async () => {
    class Strict extends EventAuthorizer {
      canPublish(client: Client, { type }: SemanticEvent) {
        if (type === 'doc.later') throw new Error('secret');
        return Promise.resolve(client.user?.id === 'alice');
      }

      canSubscribe() {
        return false;
      }
    }
    const app = await start({
      module: SemanticEventsModule.forRoot({
        signing: { keys: [RING_KEY] },
        auth: { jwt: { secret: JWT_SECRET } },
        providers: [{ provide: EventAuthorizer, useClass: Strict }],
      }),
    });
    const [alice, bob] = [await enter(app, 'alice'), await enter(app, 'bob')];
    for (const client of [alice, bob]) client.emit('guarded');
    expect((await alice.next()).event.data).toBe('guarded');
    expect((await bob.next()).code).toBe('FORBIDDEN');
    alice.emit('doc.later', { owner: 'alice' });
    expect((await alice.next()).code).toBe('UNAVAILABLE');
  });
});

describe('Nest features', () => {
  it('a guard of the application that runs after ours sees the authenticated client', async () => {
    const client = await enter(await start(), 'alice');
    client.emit('guarded');
    expect((await client.next()).event.data).toBe('guarded');
    expect(seen).toEqual(['alice']);
  });

  it('an APP_GUARD sees the authenticated client, wherever Nest applies it', async () => {
    const app = await start({ providers: [{ provide: APP_GUARD, useClass: SeesUser }] });
    const client = await enter(app, 'alice');
    client.emit('guarded');
    expect((await client.next()).event.data).toBe('guarded');
    expect(new Set(seen)).toEqual(new Set(['alice']));
  });

  it('request-scoped providers are resolved from handlers', async () => {
    const client = await enter(await start(), 'alice');
    client.emit('scoped');
    expect((await client.next()).event.data).toBe('per message');
  });

  it('a user object with a numeric id and a class of its own is passed on unchanged', async () => {
    class User {
      readonly roles = ['admin'];

      constructor(readonly id: number) {}
    }
    const user = new User(42);
    const app = await start({ options: { auth: { validateToken: () => user } } });
    const client = await app.connect();
    expect(await client.authenticate('any')).toMatchObject({ user_id: '42' });
    client.emit('guarded');
    await client.next();
    expect(seen).toEqual([42]);
  });
});
