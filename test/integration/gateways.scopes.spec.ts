import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Scope } from '@nestjs/common';
import {
  type ContextId,
  ContextIdFactory,
  type ContextIdStrategy,
  createContextId,
  type HostComponentInfo,
} from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  clientOf,
  EventData,
  Public,
  RateLimit,
  reply,
  SecureGateway,
  SignedEvent,
} from '../../lib/index.js';
import { TestApp } from '../helpers/test-app.js';

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly id = randomUUID();
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class PerTenant {
  readonly id = randomUUID();
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class ScopedGateway {
  constructor(private readonly own: PerRequest) {}

  @SubscribeMessage('id')
  @SignedEvent()
  id(@EventData() data: unknown) {
    return reply({ type: 'id', data: [this.own.id, data] });
  }

  @SubscribeMessage('limited')
  @RateLimit({ rate: 1, per: 3_600_000, by: 'client' })
  limited() {
    return 'limited';
  }

  @SubscribeMessage('open')
  @Public()
  open() {
    return 'open';
  }
}

@WebSocketGateway({ path: '/tenants' })
@SecureGateway()
class TenantGateway {
  constructor(private readonly tenant: PerTenant) {}

  @SubscribeMessage('tenant')
  @SignedEvent()
  which() {
    return this.tenant.id;
  }
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class WaitingGateway {
  constructor(@Inject('LATER') private readonly later: string) {}

  @SubscribeMessage('later')
  get() {
    return this.later;
  }
}

/** Clients that name the same tenant in their URL share one instance of durable providers. */
class ByTenant implements ContextIdStrategy<object> {
  private readonly tenants = new Map<string, ContextId>();

  attach(contextId: ContextId, socket: object) {
    const { url } = clientOf(socket).handshake;
    const tenant = this.tenants.get(url) ?? createContextId();
    this.tenants.set(url, tenant);
    return (info: HostComponentInfo) => (info.isTreeDurable ? tenant : contextId);
  }
}

describe('a request-scoped gateway', () => {
  const start = () => TestApp.start({ gateways: [ScopedGateway], providers: [PerRequest] });

  it('has one instance per client, and replies with signed events', async () => {
    const app = await start();
    const ids: string[] = [];
    for (const client of [await app.login(), await app.login()]) {
      client.emit('id', 'x');
      const { event } = await client.next();
      expect(event).toMatchObject({ type: 'id', data: [expect.any(String), 'x'] });
      expect(client.verifies(event)).toBe(true);
      ids.push(event.data[0]);
    }
    expect(new Set(ids).size).toBe(2);
  });

  it('rejects like any other gateway', async () => {
    const client = await (await start()).login();
    client.sendJson({ type: 'event', event: { ...client.event('id', 1), data: 2 } });
    expect((await client.next()).code).toBe('INVALID_SIGNATURE');
    const event = client.event('id');
    for (const copy of [event, event]) client.sendJson({ type: 'event', event: copy });
    const answers = await client.take(2);
    expect(answers.filter(({ code }) => code === 'REPLAY_DETECTED')).toHaveLength(1);
  });

  it('applies a rate limit across requests', async () => {
    const client = await (await start()).login();
    for (const type of ['limited', 'limited']) client.emit(type);
    const answers = await client.take(2);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(1);
  });

  it('rejects unauthenticated clients, except for public handlers', async () => {
    const client = await (await start()).connect();
    const event = (type: string) => ({ specversion: '1.0', type, source: 's', id: randomUUID() });
    client.sendJson({ type: 'event', event: event('open') });
    expect((await client.next()).event.data).toBe('open');
    client.sendJson({ type: 'event', event: event('limited') });
    expect((await client.next()).code).toBe('UNAUTHENTICATED');
  });
});

describe('a durable provider', () => {
  afterEach(() => {
    ContextIdFactory.apply(undefined as unknown as ContextIdStrategy);
  });

  it('is shared by the clients of one tenant only', async () => {
    ContextIdFactory.apply(new ByTenant());
    const app = await TestApp.start({ gateways: [TenantGateway], providers: [PerTenant] });
    const ids: string[] = [];
    for (const tenant of ['a', 'a', 'b']) {
      const client = await app.login('alice', `/tenants?tenant=${tenant}`);
      client.emit('tenant');
      ids.push((await client.next()).event.data);
    }
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });
});

describe('an asynchronous provider', () => {
  it('is resolved before the first client connects', async () => {
    const later = { provide: 'LATER', useFactory: async () => Promise.resolve('now') };
    const app = await TestApp.start({ gateways: [WaitingGateway], providers: [later] });
    const client = await app.login();
    client.emit('later');
    expect((await client.next()).event.data).toBe('now');
  });
});
