import { jest } from '@jest/globals';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  clientOf,
  ConnectionManager,
  Public,
  SecureGateway,
  SemanticEventsAdapter,
  SemanticEventsConfigError,
} from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { freePort } from '../helpers/free-port.js';
import { RawPeer } from '../helpers/raw-peer.js';
import { TestApp } from '../helpers/test-app.js';

@Module({})
class EmptyModule {}

@WebSocketGateway({ path: '/own' })
@Public()
class OpenOwnGateway {
  @SubscribeMessage('own')
  own() {
    return { event: 'own', data: 'open' };
  }
}

@WebSocketGateway({ path: '/events' })
class WatchingGateway implements OnGatewayConnection, OnGatewayDisconnect {
  readonly log: string[] = [];
  readonly gone: Promise<void>;
  private leave!: () => void;

  constructor() {
    this.gone = new Promise(resolve => {
      this.leave = resolve;
    });
  }

  handleConnection(socket: object) {
    this.log.push(`connected ${clientOf(socket).user?.id}`);
  }

  handleDisconnect(socket: object) {
    this.log.push(`disconnected ${clientOf(socket).user?.id}`);
    this.leave();
  }
}

function gatewayAt(port: number, options: { path?: string } = { path: '/own' }): Type {
  @WebSocketGateway(port, options)
  @SecureGateway()
  class OwnPortGateway {
    @SubscribeMessage('own')
    own() {
      return 'own';
    }
  }
  return OwnPortGateway;
}

describe('a gateway on its own port', () => {
  it("is protected like one on the application's port", async () => {
    const port = await freePort();
    const app = await TestApp.start({ gateways: [gatewayAt(port)] });
    const stranger = await app.connect('/own', { port });
    stranger.sendJson({ event: 'own' });
    expect((await stranger.next()).data.code).toBe('UNAUTHENTICATED');

    const client = await app.login('alice', '/own', { port });
    client.emit('own', 'data');
    const { event } = await client.next();
    expect(event).toMatchObject({ type: 'own.reply', data: 'own' });
    expect(client.verifies(event)).toBe(true);
    expect(app.nest.get(ConnectionManager).count).toBe(1);
  });

  it('does not become public because a gateway at the same path of another port is', async () => {
    const port = await freePort();
    const app = await TestApp.start({ gateways: [gatewayAt(port), OpenOwnGateway] });
    const [own, open] = [await app.connect('/own', { port }), await app.connect('/own')];
    for (const client of [own, open]) client.sendJson({ event: 'own' });
    expect((await own.next()).data.code).toBe('UNAUTHENTICATED');
    expect(await open.next()).toEqual({ event: 'own', data: 'open' });
  });
});

describe('a gateway on its own port without a path', () => {
  const start = async () => {
    const port = await freePort();
    const options = { auth: { validateToken: () => ({ id: 'alice' }), timeout: 2_000 } };
    return { port, app: await TestApp.start({ gateways: [gatewayAt(port, {})], options }) };
  };

  it.each(['/', '/any', ''])('accepts any path: %j', async path => {
    const { port, app } = await start();
    const client = await app.login('alice', path, { port });
    client.emit('own', 'data');
    expect((await client.next()).event.data).toBe('own');
  });

  it('drops silent connections, which do not delay the shutdown', async () => {
    const { port, app } = await start();
    await (
      await RawPeer.connect(port)
    ).gone;
    const peer = await RawPeer.connect(port);
    await app.nest.close();
    await peer.gone;
  });

  it('answers an ordinary request with 426 Upgrade Required', async () => {
    const { port } = await start();
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(426);
  });
});

describe('the authentication deadline', () => {
  it('does not apply if a whole gateway is @Public()', async () => {
    const auth = { validateToken: () => null, timeout: 100 };
    const app = await TestApp.start({
      gateways: [OpenOwnGateway, DemoGateway],
      options: { auth },
    });
    const [open, closed] = [await app.connect('/own'), await app.connect('/events')];
    // The same scan of deadlines covers both connections.
    expect((await closed.closed).code).toBe(4408);
    open.sendJson({ event: 'own' });
    expect(await open.next()).toEqual({ event: 'own', data: 'open' });
  });
});

describe('gateway hooks', () => {
  it('are called once per socket, with a client that is authenticated in between', async () => {
    const app = await TestApp.start({ gateways: [WatchingGateway, DemoGateway] });
    const gateway = app.nest.get(WatchingGateway);
    const client = await app.login('alice');
    expect(gateway.log).toEqual(['connected undefined']);
    client.terminate();
    await gateway.gone;
    expect(gateway.log).toEqual(['connected undefined', 'disconnected alice']);
  });
});

describe('SemanticEventsAdapter', () => {
  it('does not start without the module', async () => {
    const module = await Test.createTestingModule({ providers: [OpenOwnGateway] }).compile();
    const app = module.createNestApplication({ logger: false });
    expect(() => new SemanticEventsAdapter(app)).toThrow(SemanticEventsConfigError);
    expect(() => new SemanticEventsAdapter(app)).toThrow('SemanticEventsModule.forRoot()');
  });

  it('does not end the process, so that the error is seen', async () => {
    const app = await NestFactory.create(EmptyModule, { logger: false });
    const exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
    try {
      expect(() => new SemanticEventsAdapter(app)).toThrow(SemanticEventsConfigError);
      expect(exit).not.toHaveBeenCalled();
    } finally {
      exit.mockRestore();
    }
  });

  it('rejects a gateway with its own verifyClient, which would not be called', async () => {
    @WebSocketGateway({ path: '/events', verifyClient: () => false } as object)
    class RelyingGateway {}
    await expect(TestApp.start({ gateways: [RelyingGateway] })).rejects.toThrow('verifyClient');
  });

  it('closes its clients at shutdown even if a gateway does not track them', async () => {
    @WebSocketGateway({ path: '/events', clientTracking: false } as object)
    class ForgetfulGateway {}
    const app = await TestApp.start({ gateways: [ForgetfulGateway] });
    const client = await app.connect();
    await app.nest.close();
    expect((await client.closed).reason).toBe('SERVER_SHUTDOWN');
  });

  it('works on Fastify as on Express', async () => {
    const app = await TestApp.start({ gateways: [DemoGateway], http: new FastifyAdapter() });
    const client = await app.login('alice');
    client.emit('demo.echo', 'fast');
    const { event } = await client.next();
    expect(event).toMatchObject({ type: 'demo.echo.reply', data: 'fast' });
    expect(client.verifies(event)).toBe(true);
    client.socket.send('{');
    expect((await client.next()).code).toBe('BAD_FRAME');
    await app.nest.close();
    expect((await client.closed).code).toBe(1001);
  });
});
