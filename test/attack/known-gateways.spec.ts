import { Injectable, Scope } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Socket } from 'socket.io';
import type { WebSocket } from 'ws';
import {
  Public,
  SecureGateway,
  SemanticEventsAdapter,
  SemanticEventsConfigError,
} from '../../lib/index.js';
import { IoClient, startIo } from '../helpers/io-client.js';
import { TestApp } from '../helpers/test-app.js';

@Injectable({ scope: Scope.REQUEST })
class PerMessage {}

@WebSocketGateway({ path: '/events' })
@Public()
class Lobby {
  @SubscribeMessage('hello')
  hello() {
    return { event: 'hello', data: this.constructor.name };
  }

  @SubscribeMessage('kick')
  @Public(false)
  kick() {
    return { event: 'kick', data: this.constructor.name };
  }
}

/** The same messages in a gateway that is not public. */
@WebSocketGateway({ path: '/admin' })
class Admin extends Lobby {}

@WebSocketGateway({ path: '/events' })
class SecondLobby extends Lobby {}

@WebSocketGateway({ path: '/scoped' })
class OpenScoped {
  constructor(readonly scoped: PerMessage) {}

  @SubscribeMessage('hello')
  @Public()
  hello() {
    return { event: 'hello', data: 'open' };
  }
}

@WebSocketGateway({ path: '/scoped' })
class ClosedScoped {
  constructor(readonly scoped: PerMessage) {}

  @SubscribeMessage('hello')
  hello() {
    return { event: 'hello', data: 'closed' };
  }
}

describe('a gateway without @SecureGateway(), protected by the adapter only,', () => {
  const GATEWAYS = [Lobby, Admin, SecondLobby, OpenScoped, ClosedScoped];
  const orders = [GATEWAYS, GATEWAYS.toReversed()];

  it('is not public because its base class is', async () => {
    for (const gateways of orders) {
      const app = await TestApp.start({ gateways, providers: [PerMessage] });
      const stranger = await app.connect('/admin');
      stranger.sendJson({ event: 'hello', data: 1 });
      expect(await stranger.next()).toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
    }
  });

  it('is not public because another one at its path with the same messages is', async () => {
    for (const gateways of orders) {
      const app = await TestApp.start({ gateways, providers: [PerMessage] });
      for (const [path, answer] of [
        ['/events', 'Lobby'],
        ['/scoped', 'open'],
      ] as const) {
        const stranger = await app.connect(path);
        stranger.sendJson({ event: 'hello', data: 1 });
        expect(await stranger.next()).toEqual({ event: 'hello', data: answer });
        expect(await stranger.settled()).toEqual([]);
      }
    }
  });

  it('does not open a handler with @Public(false)', async () => {
    const app = await TestApp.start({ gateways: GATEWAYS, providers: [PerMessage] });
    const stranger = await app.connect('/events');
    stranger.sendJson({ event: 'kick', data: 1 });
    expect(await stranger.next()).toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
  });
});

type Namespace =
  RegExp | ((name: string, auth: unknown, next: (e: null, ok: boolean) => void) => void);

const beginning =
  (prefix: string): Namespace =>
  (name, _auth, next) => {
    next(null, name.startsWith(prefix));
  };

describe('a Socket.IO namespace pattern', () => {
  it.each<[string, Namespace, Namespace]>([
    ['patterns', /^\/admin-\w+$/, /^\/[\w-]+$/],
    ['functions', beginning('/admin-'), beginning('/lobby-')],
    ['a function and a pattern', beginning('/admin-'), /^\/lobby-\w+$/],
  ])('is open without a token only if its own gateway has a public handler: %s', async (...of) => {
    const [, adminNamespace, lobbyNamespace] = of;
    @SecureGateway()
    class AdminNamespace {
      @SubscribeMessage('kick')
      kick() {
        return 1;
      }
    }
    @SecureGateway()
    class LobbyNamespace {
      @SubscribeMessage('hello')
      @Public()
      hello() {
        return { event: 'hello', data: 1 };
      }
    }
    WebSocketGateway({ path: '/events', namespace: adminNamespace as RegExp })(AdminNamespace);
    WebSocketGateway({ path: '/events', namespace: lobbyNamespace as RegExp })(LobbyNamespace);
    const app = await startIo({ gateways: [AdminNamespace, LobbyNamespace] });
    const stranger = IoClient.open(app.port, { namespace: '/admin-1' });
    expect((await stranger.next('connect_error')).code).toBe('UNAUTHENTICATED');
    const guest = IoClient.open(app.port, { namespace: '/lobby-1' });
    guest.socket.emit('hello');
    expect(await guest.next('hello')).toBe(1);
    await IoClient.login(app, 'alice', { namespace: '/admin-1' });
  });
});

describe('listeners of the application on a Socket.IO socket', () => {
  const received: unknown[] = [];

  @WebSocketGateway({ path: '/events' })
  class Listening {
    handleConnection(socket: Socket) {
      socket.onAny((name: string) => received.push(name));
      socket.use((event, next) => {
        if (event[0] === 'v1.join') event[0] = 'join';
        if (event[0] === 'v1.open') event[0] = 'join';
        next();
      });
    }

    @SubscribeMessage('join')
    join(_socket: unknown, data: unknown) {
      return { event: 'joined', data };
    }

    @SubscribeMessage('v1.open')
    @Public()
    open() {
      return { event: 'opened', data: 1 };
    }
  }

  beforeEach(() => {
    received.length = 0;
  });

  it('never receive a message that an anonymous client may not send', async () => {
    const app = await startIo({ gateways: [Listening] });
    const stranger = IoClient.open(app.port);
    stranger.socket.emit('secret', { a: 1 });
    expect((await stranger.next('exception')).code).toBe('UNAUTHENTICATED');
    expect(received).toEqual([]);
  });

  it('may rename messages in middleware, which gives an anonymous client no access', async () => {
    const app = await startIo({ gateways: [Listening] });
    const client = await IoClient.login(app);
    client.socket.emit('v1.join', 7);
    expect(await client.next('joined')).toBe(7);
    client.socket.emit('v2.join', 7);
    expect((await client.next('exception')).code).toBe('UNKNOWN_EVENT');
    const stranger = IoClient.open(app.port);
    stranger.socket.emit('v1.open', 7);
    expect((await stranger.next('exception')).code).toBe('UNAUTHENTICATED');
  });
});

describe('unsupported features of SemanticEventsAdapter', () => {
  const problemOf = async (act: () => unknown) => {
    try {
      await act();
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(SemanticEventsConfigError);
      return (error as SemanticEventsConfigError).problems.join();
    }
  };

  it('cause an error at start: a namespace, a message parser', async () => {
    @WebSocketGateway({ path: '/events', namespace: 'admin' })
    class Named {}
    expect(await problemOf(() => TestApp.start({ gateways: [Named] }))).toMatch(/no namespaces/);
    const prepare = (app: ConstructorParameters<typeof SemanticEventsAdapter>[0]) => {
      new SemanticEventsAdapter(app).setMessageParser();
    };
    expect(await problemOf(() => TestApp.start({ gateways: [Lobby], prepare }))).toMatch(
      /setMessageParser/,
    );
  });

  it('cause an error at the call: a fragmented message, which a reply could interrupt', async () => {
    @WebSocketGateway({ path: '/events' })
    @Public()
    class Streaming {
      @SubscribeMessage('stream')
      stream(socket: WebSocket) {
        try {
          socket.send('"abc', { fin: false });
        } catch (error) {
          socket.send('"whole"', { fin: true });
          return { event: 'failed', data: (error as Error).name };
        }
        return undefined;
      }
    }
    const app = await TestApp.start({ gateways: [Streaming] });
    const client = await app.connect();
    client.sendJson({ event: 'stream' });
    expect(await client.take(2)).toEqual(['whole', { event: 'failed', data: 'TypeError' }]);
  });
});
