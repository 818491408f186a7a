import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocketServer } from 'ws';
import { EventData, SecureGateway, SignedEvent } from '../../lib/index.js';
import { ADVICE } from '../../lib/doctor/advice.js';
import { type Examination, examine } from '../../lib/doctor/examine.js';
import { lineOf, type StepResult } from '../../lib/doctor/report.js';
import { CODES, HANDSHAKE_CODES } from '../../lib/protocol/index.js';
import { freePort } from '../helpers/free-port.js';
import { TestApp, tokenFor } from '../helpers/test-app.js';
import { FakeClock } from '../helpers/fake-clock.js';

@WebSocketGateway({ path: '/events' })
@SecureGateway()
class EchoGateway {
  @SubscribeMessage('demo.echo')
  @SignedEvent()
  echo(@EventData() data: unknown) {
    return data;
  }

  @SubscribeMessage('demo.fails')
  fails() {
    throw new Error('canary');
  }
}

type Setup = Partial<Parameters<typeof TestApp.start>[0]>;

async function start(setup: Setup = {}) {
  const app = await TestApp.start({ gateways: [EchoGateway], ...setup });
  return `ws://127.0.0.1:${app.port}/events`;
}

async function examined(subject: Examination) {
  const results: StepResult[] = [];
  const isWell = await examine(subject, result => results.push(result));
  return { isWell, results, last: results.at(-1)! };
}

const servers: Server[] = [];

/** Starts any other HTTP server. */
async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
});

describe('doctor', () => {
  it('runs every step of a client', async () => {
    const url = await start({ options: { connection: { origins: ['https://app.example'] } } });
    const { isWell, results } = await examined({
      url,
      origin: 'https://app.example',
      token: tokenFor('alice'),
      event: 'demo.echo',
      data: { text: 'hello' },
    });
    expect(results.map(({ step, status }) => `${step} ${status}`)).toEqual([
      'url ok',
      'dns ok',
      'tcp ok',
      'tls ok',
      'upgrade ok',
      'origin ok',
      'clock ok',
      'authentication ok',
      'echo ok',
    ]);
    expect(isWell).toBe(true);
  });

  it('names the steps it skips without a token, an origin and an event', async () => {
    const { isWell, results } = await examined({ url: (await start()).replace('ws:', 'http:') });
    expect(isWell).toBe(true);
    expect(results.filter(({ status }) => status === 'skip').map(({ step }) => step)).toEqual([
      'origin',
      'authentication',
      'echo',
    ]);
  });

  it.each<[string, string, RegExp, () => Promise<Examination> | Examination]>([
    ['a URL that is none', 'url', /not the URL of a gateway/, () => ({ url: 'localhost' })],
    ['an unknown host', 'dns', /no address/, () => ({ url: 'ws://host.invalid/events' })],
    [
      'a closed port',
      'tcp',
      /ECONNREFUSED/,
      async () => ({ url: `ws://127.0.0.1:${await freePort()}/` }),
    ],
    [
      'a port without TLS',
      'tls',
      /TLS handshake failed/,
      async () => ({ url: (await start()).replace('ws:', 'wss:') }),
    ],
    [
      'a certificate that nobody has signed',
      'tls',
      /SELF_SIGNED/,
      async () => ({ url: `wss://127.0.0.1:${await listen(createTlsServer(certificate()))}/` }),
    ],
    [
      'another server',
      'upgrade',
      /HTTP 200 without a code/,
      async () => ({
        url: `ws://127.0.0.1:${await listen(createServer((_, response) => response.end('hello')))}/`,
      }),
    ],
    [
      'a wrong path',
      'upgrade',
      /^UNKNOWN_PATH/,
      async () => ({ url: (await start()).replace('/events', '/wrong') }),
    ],
    [
      'a plain connection where TLS is required',
      'upgrade',
      /^TLS_REQUIRED/,
      async () => ({ url: await start({ options: { connection: { requireTls: true } } }) }),
    ],
    [
      'a wrong origin',
      'origin',
      /^ORIGIN_REJECTED/,
      async () => ({ url: await start(), origin: 'https://evil.example' }),
    ],
    [
      'a clock that is wrong',
      'clock',
      /differs by -?\d+ s$/,
      async () => ({ url: await start({ clock: new FakeClock(Date.now() - 120_000) }) }),
    ],
    [
      'a bad token',
      'authentication',
      /^AUTH_FAILED/,
      async () => ({ url: await start(), token: 'garbage' }),
    ],
    [
      'an outage of the application',
      'authentication',
      /^UNAVAILABLE/,
      async () => ({
        url: await start({
          options: { auth: { validateToken: () => Promise.reject(new Error('down')) } },
        }),
        token: 'any',
      }),
    ],
    [
      'an unknown event',
      'echo',
      /^UNKNOWN_EVENT/,
      async () => ({ url: await start(), token: tokenFor('alice'), event: 'other' }),
    ],
    [
      'a handler that fails',
      'echo',
      /^INTERNAL/,
      async () => ({ url: await start(), token: tokenFor('alice'), event: 'demo.fails' }),
    ],
  ])('reports for %s that %s failed, and what to check', async (_, step, finding, subject) => {
    const { isWell, results, last } = await examined(await subject());
    expect(isWell).toBe(false);
    expect(last).toMatchObject({ status: 'fail', step });
    expect(last.finding).toMatch(finding);
    expect(last.check).toMatch(/\w{3}/);
    expect(results.filter(({ status }) => status === 'fail')).toHaveLength(1);
  });

  it('closes a connection that a proxy keeps open after a rejection', async () => {
    const server = createServer();
    const closed = new Promise(resolve => {
      server.on('upgrade', (_request, socket) => {
        socket.resume().once('end', () => {
          socket.destroy();
          resolve(undefined);
        });
        const body = '{"code":"TLS_REQUIRED","message":"TLS"}';
        const status = 'HTTP/1.1 426 Upgrade Required\r\nConnection: keep-alive';
        socket.write(`${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
    });
    const { last } = await examined({ url: `ws://127.0.0.1:${await listen(server)}/` });
    expect(last).toMatchObject({ step: 'upgrade', status: 'fail' });
    await closed;
  });

  it.each([502, 503, 504])(
    'says that a proxy which answers %i cannot reach the server',
    async status => {
      const server = createServer((_request, response) => response.writeHead(status).end());
      const { last } = await examined({ url: `ws://127.0.0.1:${await listen(server)}/` });
      expect(last).toMatchObject({ step: 'upgrade', check: expect.stringMatching(/cannot reach/) });
    },
  );

  /** Starts a server that answers each frame by its type and the id of its event. @returns its URL */
  const answering = async (answer: (type: string, id?: string) => string[]) => {
    const server = createServer();
    const port = await listen(server);
    new WebSocketServer({ server }).on('connection', socket => {
      socket.on('message', data => {
        const { type, event } = JSON.parse((data as Buffer).toString()) as {
          type: string;
          event?: { id: string };
        };
        const pong = JSON.stringify({ type: 'pong', time: new Date().toISOString() });
        for (const text of type === 'ping' ? ['[]', pong] : answer(type, event?.id))
          socket.send(text);
      });
    });
    return `ws://127.0.0.1:${port}/`;
  };
  const SUCCESS = { type: 'auth_success', signing: { key_id: 's-1', key: 'A'.repeat(43) } };
  const deepReply = (id?: string) =>
    `{"type":"event","event":{"semanticcorrelationid":"${id}","data":${'['.repeat(200)}${']'.repeat(200)}}}`;

  it.each<[string, string, RegExp, (type: string, id?: string) => string[]]>([
    [
      'auth_success without a key',
      'authentication',
      /no session key/,
      () => ['{"type":"auth_success"}'],
    ],
    [
      'a reply that is not signed with the session key',
      'echo',
      /the reply is not signed by the session key/,
      (type, id) => [
        JSON.stringify(
          type === 'auth'
            ? SUCCESS
            : { type: 'event', event: { semanticcorrelationid: id, id: 'r', type: 'r' } },
        ),
      ],
    ],
    [
      'replies without an event',
      'echo',
      /not signed/,
      (type, id) =>
        type === 'auth'
          ? [JSON.stringify(SUCCESS)]
          : ['null', '5', '{"type":"event"}', '{"type":"event","event":null}', deepReply(id)],
    ],
  ])('reports %s as a failure of %s', async (_, step, finding, answer) => {
    const subject = { url: await answering(answer), token: 't', event: 'demo.echo' };
    const { last } = await examined(subject);
    expect(last).toMatchObject({ step, status: 'fail' });
    expect(last.finding).toMatch(finding);
  });

  it('stops reading an answer to the upgrade that is too long', async () => {
    const server = createServer().on('upgrade', (_, socket: Duplex) => {
      const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
      const more = (): boolean => socket.writable && socket.write(chunk, more);
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n', more);
    });
    const { last } = await examined({ url: `ws://127.0.0.1:${await listen(server)}/` });
    expect(last).toMatchObject({ step: 'upgrade', status: 'fail' });
  });

  it('has advice for every code', () => {
    expect(Object.keys(ADVICE).sort()).toEqual(
      [...Object.keys(CODES), ...Object.keys(HANDSHAKE_CODES)].sort(),
    );
  });

  it('does not print control characters of a server', () => {
    const line = lineOf({
      status: 'fail',
      step: 'echo',
      finding: 'a\u001b[31m\nFAKE',
      check: '\u202e',
    });
    expect(line.split('\n')).toHaveLength(2);
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    expect(line).not.toMatch(/[\u0000-\u0009\u001b\u202e]/);
  });
});

/** Creates a self-signed certificate for localhost. */
function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '1',
        '-subj',
        '/CN=localhost',
        '-keyout',
        key,
        '-out',
        cert,
      ],
      { stdio: 'ignore' },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
