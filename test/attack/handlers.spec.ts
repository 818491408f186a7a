import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { NEVER, Observable } from 'rxjs';
import { SecureGateway, SemanticEventsConfigError } from '../../lib/index.js';
import { DemoGateway } from '../helpers/demo.gateway.js';
import { eventually, pause } from '../helpers/eventually.js';
import { unsigned } from '../helpers/gated.gateway.js';
import { RING_KEY, TestApp } from '../helpers/test-app.js';
import type { Json } from '../helpers/test-client.js';

const secret = () => new Error('secret detail at /srv/app.js');

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class FailingGateway {
  begun = 0;
  streams = 0;
  disconnects = 0;
  goOn: () => void = () => undefined;

  @SubscribeMessage('fails.rejecting')
  async rejecting() {
    throw secret();
  }

  @SubscribeMessage('fails.nothing')
  nothing(): never {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what handlers do
    throw undefined;
  }

  @SubscribeMessage('fails.cyclic')
  cyclic() {
    const cycle: Json = { secret: 'detail' };
    cycle.self = cycle;
    return cycle;
  }

  @SubscribeMessage('fails.getter')
  getter() {
    return {
      get secret() {
        throw secret();
      },
    };
  }

  @SubscribeMessage('fails.thenable')
  thenable() {
    return {
      then: (_: unknown, reject: (error: Error) => void) => {
        reject(secret());
      },
    };
  }

  @SubscribeMessage('fails.stream')
  stream() {
    return new Observable(subscriber => {
      subscriber.next('one');
      subscriber.error(secret());
    });
  }

  @SubscribeMessage('fails.ending')
  ending() {
    return new Observable(subscriber => {
      subscriber.next('begun');
      return () => {
        throw secret();
      };
    });
  }

  @SubscribeMessage('fails.late')
  async late() {
    this.begun++;
    await new Promise<void>(resolve => (this.goOn = resolve));
    return new Observable(() => {
      this.streams++;
    });
  }

  @SubscribeMessage('fails.never')
  never() {
    return new Promise(() => undefined);
  }

  @SubscribeMessage('fails.silent-stream')
  silentStream() {
    return NEVER;
  }

  handleDisconnect() {
    this.disconnects++;
  }
}

const start = async () => TestApp.start({ gateways: [FailingGateway, DemoGateway] });

describe('a handler', () => {
  it.each(['rejecting', 'nothing', 'cyclic', 'getter', 'thenable', 'stream'])(
    'that fails by %s sends one INTERNAL without stack or echo, in both frame formats',
    async how => {
      const client = await (await start()).login();
      const type = `fails.${how}`;
      for (const frame of [unsigned(type, 'canary'), { event: type, data: 'canary' }]) {
        client.sendJson(frame);
        const answers = await client.take(how === 'stream' ? 2 : 1);
        answers.push(...(await client.settled()));
        const [refusal] = answers.map(answer => answer.data ?? answer).slice(-1);
        expect(answers).toHaveLength(how === 'stream' ? 2 : 1);
        expect(refusal).toMatchObject({ code: 'INTERNAL', status: 500 });
        expect(JSON.stringify(answers)).not.toMatch(/secret|canary|stack|\.js|at /);
      }
      client.emit('demo.echo', 'lives on');
      expect((await client.next()).event.data).toBe('lives on');
    },
  );

  it.each(['never', 'silent-stream'])(
    'that is %s done blocks nothing, and ends with its socket',
    async how => {
      const app = await start();
      const client = await app.login();
      client.sendJson(unsigned(`fails.${how}`));
      client.emit('demo.echo', 'goes on');
      expect((await client.next()).event.data).toBe('goes on');
    },
  );

  it('whose stream fails when its client disconnects has no other effect', async () => {
    const app = await start();
    const client = await app.login();
    // Each one is a separate stream.
    client.sendJson(unsigned('fails.ending'));
    client.sendJson(unsigned('fails.ending'));
    await client.take(2);
    client.terminate();
    await eventually(() => app.nest.get(FailingGateway).disconnects === 1);
  });

  it('whose stream starts after its client disconnected is not subscribed to', async () => {
    const app = await start();
    const gateway = app.nest.get(FailingGateway);
    const client = await app.login();
    client.sendJson(unsigned('fails.late'));
    await eventually(() => gateway.begun === 1);
    client.terminate();
    await eventually(() => gateway.disconnects === 1);
    gateway.goOn();
    await pause(30);
    expect(gateway.streams).toBe(0);
  });

  it.each([
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'onClick',
    'handleConnection',
    'afterInit',
    'message',
    'close',
    'error',
    'ping',
    'auth',
  ])('is not found by the name %s of something else', async name => {
    const client = await (await start()).login();
    client.emit(name, 1);
    expect(await client.next()).toMatchObject({ type: 'error', code: 'UNKNOWN_EVENT' });
    client.sendJson({ event: name, data: 1 });
    expect((await client.next()).data.code).toBe('UNKNOWN_EVENT');
    client.emit('demo.echo', 'lives on');
    expect((await client.next()).event.data).toBe('lives on');
  });
});

describe('unsafe signing keys', () => {
  const days = (count: number) => new Date(Date.now() + count * 86_400_000);
  const withKeys = (keys: Json[]) =>
    TestApp.start({ gateways: [DemoGateway], options: { signing: { keys } as never } });

  it.each<[string, Json[]]>([
    ['none', []],
    ['too short', [{ id: 'main', secret: 'x'.repeat(31) }]],
    ['empty', [{ id: 'main', secret: '' }]],
    ['two of one id', [RING_KEY, { ...RING_KEY, secret: 'y'.repeat(32) }]],
    ['with the prefix of session keys', [{ ...RING_KEY, id: 's-main' }]],
    ['of an id with delimiters', [{ ...RING_KEY, id: 'a.b' }]],
    ['expired', [{ ...RING_KEY, notAfter: days(-1) }]],
    ['over before they begin', [{ ...RING_KEY, notBefore: days(2), notAfter: days(1) }]],
  ])('stop the start: %s', async (_, keys) => {
    await expect(withKeys(keys)).rejects.toBeInstanceOf(SemanticEventsConfigError);
  });

  it('are rejected while not in force: not yet, or no longer', async () => {
    const next = { id: 'next', secret: 'n'.repeat(40), notBefore: days(1) };
    const last = { id: 'last', secret: 'l'.repeat(40), notAfter: days(-1) };
    const client = await (await withKeys([RING_KEY, next, last])).login();
    for (const { id, secret: text } of [next, last]) {
      const signing = { key_id: id, key: Buffer.from(text).toString('base64url') };
      const event = client.sign(client.event('demo.echo', 'x'), signing);
      client.sendJson({ type: 'event', event });
      expect((await client.next()).code).toBe('INVALID_SIGNATURE');
    }
  });
});
