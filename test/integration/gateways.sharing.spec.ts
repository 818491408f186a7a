import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, SecureGateway, SignedEvent } from '../../lib/index.js';
import { eventually } from '../helpers/eventually.js';
import { TestApp } from '../helpers/test-app.js';
import type { Json, TestClient } from '../helpers/test-client.js';

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class FirstGateway {
  @SubscribeMessage('shared')
  shared() {
    return 'first';
  }

  @SubscribeMessage('signed')
  @SignedEvent()
  signed() {
    return 'first';
  }

  @SubscribeMessage('first')
  @SignedEvent()
  first() {
    return 'first';
  }
}

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class SecondGateway {
  @SubscribeMessage('shared')
  @Public()
  shared() {
    return 'second';
  }

  @SubscribeMessage('signed')
  @SignedEvent()
  signed() {
    return 'second';
  }

  @SubscribeMessage('second')
  second() {
    return 'second';
  }

  @SubscribeMessage('open')
  @Public()
  open() {
    return 'open';
  }
}

@WebSocketGateway({ path: '/events' })
class UnmarkedGateway {
  @SubscribeMessage('unmarked')
  unmarked() {
    return { event: 'unmarked', data: 'for users only' };
  }
}

@WebSocketGateway({ path: '/elsewhere' })
@SecureGateway()
class ElsewhereGateway {
  @SubscribeMessage('elsewhere')
  @Public()
  elsewhere() {
    return 'elsewhere';
  }
}

@WebSocketGateway({ path: '/twins' })
class OpenTwin {
  @SubscribeMessage('twin')
  @Public()
  twin() {
    return 'open';
  }
}

@WebSocketGateway({ path: '/twins' })
class ClosedTwin {
  @SubscribeMessage('twin')
  twin() {
    return 'closed';
  }
}

@WebSocketGateway({ path: '/events' })
class LeavingGateway {
  readonly left: unknown[] = [];

  handleDisconnect(socket: unknown) {
    this.left.push(socket);
  }
}

const SHARING = [FirstGateway, SecondGateway, UnmarkedGateway, ElsewhereGateway];
const start = (options = {}) => TestApp.start({ gateways: SHARING, options });
const unsigned = (type: string): Json => ({ specversion: '1.0', type, source: 's', id: 'e-1' });

const emit = (client: TestClient, type: string) => {
  client.sendJson({ type: 'event', event: unsigned(type) });
};
const dataOf = (frames: Json[]) => frames.map(({ event }) => event.data as string).sort();

describe('gateways that share a path', () => {
  it('each handle their own messages', async () => {
    const client = await (await start()).login();
    client.emit('first');
    client.emit('second');
    expect(dataOf(await client.take(2))).toEqual(['first', 'second']);
    expect(await client.settled()).toEqual([]);
  });

  it('both handle a message that both subscribe to', async () => {
    const client = await (await start()).login();
    emit(client, 'shared');
    expect(dataOf(await client.take(2))).toEqual(['first', 'second']);
    expect(await client.settled()).toEqual([]);
  });

  it('both handle a signed event, whose nonce is consumed once for both', async () => {
    const client = await (await start()).login();
    const event = client.emit('signed');
    expect(dataOf(await client.take(2)).sort()).toEqual(['first', 'second']);
    client.sendJson({ type: 'event', event });
    const codes = (await client.take(2)).map(({ code }) => code as string);
    expect(codes).toEqual(['REPLAY_DETECTED', 'REPLAY_DETECTED']);
  });

  it('reject an event as unknown once, and only if none of them has a handler', async () => {
    const client = await (await start()).login();
    emit(client, 'elsewhere');
    expect(await client.next()).toMatchObject({ code: 'UNKNOWN_EVENT', id: 'e-1' });
    expect(await client.settled()).toEqual([]);
  });

  it.each([
    ['before', [LeavingGateway, FirstGateway]],
    ['after', [FirstGateway, LeavingGateway]],
  ])('call handleDisconnect once for each client, %s a gateway without it', async (_, gateways) => {
    const app = await TestApp.start({ gateways });
    const { left } = app.nest.get(LeavingGateway);
    const clients = [await app.login(), await app.login()];
    for (const { socket } of clients) socket.close();
    await eventually(() => left.length === clients.length);
    expect(new Set(left).size).toBe(clients.length);
  });

  it('charge a frame once', async () => {
    const app = await start({ connection: { messageRate: 0.001, messageBurst: 4 } });
    const client = await app.login();
    for (let frame = 0; frame < 4; frame++) emit(client, 'second');
    const answers = await client.take(4);
    expect(answers.filter(({ type }) => type === 'event')).toHaveLength(3);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(1);
    expect(await client.settled()).toEqual([]);
  });

  it('reject an unparsable frame once', async () => {
    const client = await (await start()).login();
    client.socket.send('{');
    expect((await client.next()).code).toBe('BAD_FRAME');
    expect(await client.settled()).toEqual([]);
  });
});

describe('an unauthenticated client', () => {
  it('reaches only the public one of two handlers of a message', async () => {
    const client = await (await start()).connect();
    emit(client, 'shared');
    expect((await client.next()).event.data).toBe('second');
    expect(await client.settled()).toEqual([]);
  });

  it.each(['first', 'second', 'unmarked', 'missing'])(
    'gets the same rejection whether a handler exists or not: %s',
    async type => {
      const client = await (await start()).connect();
      emit(client, type);
      expect(await client.next()).toMatchObject({ code: 'UNAUTHENTICATED', id: 'e-1' });
      expect((await client.closed).code).toBe(4401);
    },
  );

  it("is rejected in Nest's frame too, by a gateway without @SecureGateway", async () => {
    const client = await (await start()).connect();
    client.sendJson({ event: 'unmarked', data: 1 });
    expect(await client.next()).toMatchObject({
      event: 'exception',
      data: { code: 'UNAUTHENTICATED' },
    });
    expect((await client.closed).code).toBe(4401);
  });

  it('reaches only the public one of two gateways with the same messages', async () => {
    const app = await TestApp.start({ gateways: [OpenTwin, ClosedTwin] });
    const client = await app.connect('/twins');
    emit(client, 'twin');
    expect(dataOf(await client.take(1))).toEqual(['open']);
    expect(await client.settled()).toEqual([]);
    const user = await app.login('alice', '/twins');
    emit(user, 'twin');
    expect(dataOf(await user.take(2))).toEqual(['closed', 'open']);
  });

  it('cannot connect to a path without a gateway', async () => {
    const app = await start();
    await expect(app.connect('/nowhere')).rejects.toThrow();
  });
});
