import { AsyncLocalStorage } from 'node:async_hooks';
import { type CanActivate, type ExecutionContext, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SecureGateway } from '../../lib/index.js';
import { clientOf } from '../../lib/connection/index.js';
import { eventually } from '../helpers/eventually.js';
import { frame, RawPeer } from '../helpers/raw-peer.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';

const current = new AsyncLocalStorage<unknown>();
const found: unknown[] = [];

/** Stores the user of a message, like guards that keep request data for everything they call. */
class ContextGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    found.push(current.getStore());
    current.enterWith(clientOf(context.switchToWs().getClient()).user?.id);
    return true;
  }
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class ContextGateway {
  @SubscribeMessage('demo.context')
  @UseGuards(ContextGuard)
  context() {}
}

it('AsyncLocalStorage set by a guard does not leak to the next client of the same batch', async () => {
  const app = await TestApp.start({ gateways: [ContextGateway] });
  const peers: RawPeer[] = [];
  for (const user of ['alice', 'bob', 'carol']) {
    const peer = await RawPeer.open(app.port);
    peer.send({ type: 'auth', token: tokenFor(user) });
    await peer.next();
    peers.push(peer);
  }
  const message = frame(JSON.stringify({ event: 'demo.context' }));
  for (const peer of peers) peer.write(message);
  await eventually(() => found.length === 3);
  expect(found).toEqual([undefined, undefined, undefined]);
});
