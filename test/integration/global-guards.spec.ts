import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { clientOf } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { TestApp } from '../helpers/test-app.js';

it('a global ThrottlerGuard counts the clients of a gateway by address', async () => {
  const app = await TestApp.start({
    gateways: [DemoGateway],
    options: { connection: { trustProxy: 'loopback' } },
    imports: [ThrottlerModule.forRoot([{ ttl: 60_000, limit: 3 }])],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  });
  const codesOf = async (user: string, address: string, times: number) => {
    const headers = { 'X-Forwarded-For': address };
    const client = await app.login(user, '/events', { headers });
    for (let sent = 0; sent < times; sent++) client.emit('demo.echo', sent);
    const frames = await client.take(times);
    return frames.map(({ code }) => (code as string | undefined) ?? 'served').sort();
  };
  const served = ['served', 'served', 'served'];
  expect(await codesOf('alice', '203.0.113.1', 4)).toEqual(['RATE_LIMITED', ...served]);
  expect(await codesOf('bob', '203.0.113.2', 1)).toEqual(['served']);
});

it('a global guard sees authenticated clients only, before their signature is verified', async () => {
  const seen: unknown[] = [];
  class RecordingGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      seen.push(clientOf(context.switchToWs().getClient<object>()).user?.id);
      return true;
    }
  }
  const app = await TestApp.start({
    gateways: [DemoGateway],
    providers: [{ provide: APP_GUARD, useClass: RecordingGuard }],
  });
  const stranger = await app.connect();
  stranger.emitUnsigned('demo.echo', { data: 1 });
  expect((await stranger.next()).code).toBe('UNAUTHENTICATED');
  expect(seen).toEqual([]);
  const client = await app.login('alice');
  client.sendJson({ type: 'event', event: { ...client.event('demo.echo', 1), data: 2 } });
  expect((await client.next()).code).toBe('INVALID_SIGNATURE');
  expect(seen).toEqual(['alice']);
});
